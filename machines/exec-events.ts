/** The facts of an exec's life: one more process in a container that runs. Recorded for ever, like a container's. Times are RFC 3339 with nanoseconds. */
import type { StepFailure } from './container-events.ts'

/** What a client asked for when it created the exec. Names are the Docker Engine API's. */
export interface ExecConfig {
  readonly Cmd: readonly string[]
  /** `NAME=value` each, besides the container's. */
  readonly Env: readonly string[]
  /** Empty: the container's. */
  readonly User: string
  /** Empty: the container's. */
  readonly WorkingDir: string
  readonly Privileged: boolean
  readonly Tty: boolean
  readonly AttachStdin: boolean
  readonly AttachStdout: boolean
  readonly AttachStderr: boolean
  /** `ctrl-a,b`; absent: those that Docker has. */
  readonly DetachKeys?: string
}

/** The container as it was called when the exec was created: what messages about the exec say of it. */
export interface ExecOwner {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly labels: Readonly<Record<string, string>>
}

export type ExecEvent =
  | {
      readonly type: 'ExecCreated'
      readonly id: string
      readonly container: ExecOwner
      readonly runId: string
      readonly config: ExecConfig
    }
  /** `detach`: nobody is attached. `consoleSize`: of the client's terminal, rows and columns. */
  | {
      readonly type: 'ExecStartRequested'
      readonly detach: boolean
      readonly consoleSize?: readonly [height: number, width: number]
    }
  | { readonly type: 'ExecStarted'; readonly pid: number; readonly startTicks: string }
  /** `exitCode` 255: the real one could not be known, `reason` says why. */
  | {
      readonly type: 'ExecExited'
      readonly exitCode: number
      readonly exitedAt: string
      readonly reason?: string
    }
  | { readonly type: 'ExecFailed'; readonly failure: StepFailure }
  /** Who was attached left by the detach keys; it goes on. */
  | { readonly type: 'ExecDetached' }
  /** Nothing of it is left but what is known of it. */
  | { readonly type: 'ExecReleased' }

export type ExecEventType = ExecEvent['type']

export type ExecEventOf<T extends ExecEvent['type']> = Extract<ExecEvent, { type: T }>
