/** The facts of a container's life. Recorded for ever: never rename one, a new meaning is a new event. Times are RFC 3339 with nanoseconds. */
import type { ContainerSpec, HostConfig } from './spec.ts'

/** The steps of one start, in order; each is one worker. */
export type LaunchStep = 'mountRootfs' | 'prepareBundle' | 'startShim' | 'awaitPid' | 'startProcess'

/** Why a step failed: `message` is the sentence a user sees, `detail` what runc, the shim or the kernel said. */
export interface StepFailure {
  readonly code: string
  readonly message: string
  readonly detail?: string
  /** What Docker reports as the container's exit code for a start that failed: 126, 127 or 128. */
  readonly exitCode: number
}

export type ContainerEvent =
  | {
      readonly type: 'ContainerCreated'
      readonly id: string
      readonly name: string
      readonly spec: ContainerSpec
    }
  | { readonly type: 'ContainerRenamed'; readonly name: string; readonly oldName: string }
  | { readonly type: 'StartRequested'; readonly runId: string }
  | { readonly type: 'RootfsMounted'; readonly runId: string; readonly rootfs: string }
  | { readonly type: 'BundlePrepared'; readonly runId: string; readonly bundle: string }
  | {
      readonly type: 'ShimStarted'
      readonly runId: string
      readonly shimPid: number
      readonly shimStartTicks: string
    }
  | {
      readonly type: 'PidRecorded'
      readonly runId: string
      readonly pid: number
      readonly startTicks: string
    }
  | {
      readonly type: 'ProcessStarted'
      readonly runId: string
      readonly startedAt: string
      readonly bootId: string
    }
  | {
      readonly type: 'StepFailed'
      readonly runId: string
      readonly step: LaunchStep
      readonly failure: StepFailure
    }
  /** `deadline` null: wait for ever. `timeoutSeconds` is what the client asked for. */
  | {
      readonly type: 'StopRequested'
      readonly signal: string
      readonly timeoutSeconds: number
      readonly deadline: string | null
      /** Absent: a client. */
      readonly by?: 'shutdown'
    }
  | { readonly type: 'StopDeadlinePassed'; readonly killDeadline: string }
  | { readonly type: 'KillDeadlinePassed' }
  | { readonly type: 'KillRequested'; readonly signal: string }
  /** Stop, if it runs, and start again as run `runId`. */
  | {
      readonly type: 'RestartRequested'
      readonly runId: string
      readonly signal: string
      readonly timeoutSeconds: number
      readonly deadline: string | null
    }
  | { readonly type: 'SignalSent'; readonly runId: string; readonly signal: string }
  /** `code` `not-found`: the process had ended before. */
  | {
      readonly type: 'SignalFailed'
      readonly runId: string
      readonly signal: string
      readonly message: string
      readonly code?: string
    }
  | { readonly type: 'PauseRequested' }
  | { readonly type: 'Paused'; readonly runId: string }
  | { readonly type: 'PauseFailed'; readonly runId: string; readonly message: string }
  | { readonly type: 'ResumeRequested' }
  | { readonly type: 'Resumed'; readonly runId: string }
  | { readonly type: 'ResumeFailed'; readonly runId: string; readonly message: string }
  /** The back-off of the restart policy is over: start again as run `runId`. */
  | { readonly type: 'RestartDue'; readonly runId: string }
  | { readonly type: 'UpdateRequested'; readonly hostConfig: Partial<HostConfig> }
  | { readonly type: 'LimitsApplied'; readonly runId: string }
  | { readonly type: 'LimitsRefused'; readonly runId: string; readonly message: string }
  | { readonly type: 'OomKilled'; readonly runId: string }
  /** `exitCode` 255: the real one could not be known, `reason` says why. */
  | {
      readonly type: 'ProcessExited'
      readonly runId: string
      readonly exitCode: number
      readonly exitedAt: string
      readonly reason?: string
    }
  | { readonly type: 'HostRebooted'; readonly bootId: string; readonly observedAt: string }
  | { readonly type: 'Released'; readonly runId: string }
  | {
      readonly type: 'RemoveRequested'
      readonly force: boolean
      readonly volumes: boolean
      readonly killDeadline: string
    }
  | { readonly type: 'Removed' }
  /** A client attached to the streams or left them by the detach keys; changes no state. */
  | { readonly type: 'Attached' }
  | { readonly type: 'Detached' }
  /** A client said how many columns and rows its terminal has; changes no state. */
  | { readonly type: 'TerminalResized'; readonly width: number; readonly height: number }
  /** Files of it were read (`docker cp`), written, or all of them read (`docker export`); they change no state. */
  | { readonly type: 'PathArchived' }
  | { readonly type: 'ArchiveExtracted' }
  | { readonly type: 'Exported' }
  /** An image was made of it; `imageRef` empty: it has no name. Changes no state. */
  | {
      readonly type: 'Committed'
      readonly comment: string
      readonly imageId: string
      readonly imageRef: string
    }

export type ContainerEventType = ContainerEvent['type']
export type ContainerEventOf<T extends ContainerEventType> = Extract<ContainerEvent, { type: T }>
