/**
 * A worker carries out one effect of the container machine and can take it back.
 *
 * `perform` may be run again after any crash: it looks first whether its work is already done, and answers with the fact(s) to record.
 * `undo` releases what `perform` made, also what an interrupted `perform` half made; nothing there is fine.
 * When the world says no, `perform` throws a TallyError with `step`, `detail` and, for a failed start, `exitCode`.
 */
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { ContainerSpec } from '../../machines/spec.ts'

/** All that a worker may know of the container it works for. */
export interface Job {
  readonly id: string
  readonly name: string
  readonly spec: ContainerSpec
  readonly runId: string
}

export interface Worker {
  perform(job: Job, signal: AbortSignal): Promise<readonly ContainerEvent[]>
  undo(job: Job): Promise<void>
}
