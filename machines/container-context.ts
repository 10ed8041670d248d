/** What the container machine remembers: the facts of a container and of its present or last run. */
import type { LaunchStep, StepFailure } from './container-events.ts'
import type { ContainerSpec, HostConfig } from './spec.ts'

export type Outcome =
  | {
      readonly kind: 'exited'
      readonly exitCode: number
      readonly exitedAt: string
      readonly reason?: string
    }
  | { readonly kind: 'failed'; readonly step: LaunchStep; readonly failure: StepFailure }
  | { readonly kind: 'cancelled'; readonly by: 'stop' | 'kill' | 'remove' | 'reboot' }

/** One start of the container and what became of it. */
export interface Run {
  readonly id: string
  /** `policy`: the restart policy. */
  readonly cause: 'start' | 'restart' | 'policy'
  readonly rootfs?: string
  readonly bundle?: string
  readonly shim?: { readonly pid: number; readonly startTicks: string }
  readonly process?: { readonly pid: number; readonly startTicks: string }
  readonly startedAt?: string
  readonly bootId?: string
  readonly oomKilled: boolean
  readonly stopRequested: boolean
  /** A client stopped it, or killed it with the signal that ends it: no policy starts it again. */
  readonly endedByHand?: boolean
  /** The daemon stopped it because it ends itself: the policy is asked when the next one starts. */
  readonly endedByShutdown?: boolean
  readonly outcome?: Outcome
}

/** Starts by the restart policy since the last start by a client. */
export interface Restarts {
  readonly count: number
  /** Milliseconds between the last exit and the start after it. */
  readonly delay: number
  /** RFC 3339: when the next start is due, or was. */
  readonly due: string
}

export interface ContainerContext {
  readonly id: string
  readonly name: string
  readonly spec: ContainerSpec | null
  readonly run: Run | null
  /** The facts of the last run that reached `running`; a later start that fails leaves them. */
  readonly lastStartedAt: string | null
  readonly lastExitedAt: string | null
  /** Signals not yet sent, the next one first. */
  readonly signals: readonly string[]
  /** How many signals were sent or failed: makes each sending an effect of its own. */
  readonly signalCount: number
  /** When the engine stops waiting; null: never. */
  readonly deadline: string | null
  /** The run to begin once the present one is released. */
  readonly next: { readonly runId: string; readonly cause: 'start' | 'restart' } | null
  readonly restarts?: Restarts | undefined
  /** The host config as it was before an update that the runtime has not taken yet. */
  readonly updateCount?: number
  readonly beforeUpdate?: HostConfig | undefined
  readonly removal: { readonly force: boolean; readonly volumes: boolean } | null
}

export const initialContext: ContainerContext = {
  id: '',
  name: '',
  spec: null,
  run: null,
  lastStartedAt: null,
  lastExitedAt: null,
  signals: [],
  signalCount: 0,
  deadline: null,
  next: null,
  removal: null,
}
