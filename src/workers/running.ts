/** The workers of a running container: `watchProcess` waits for its end, `sendSignal` signals it. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import { TallyError } from '../errors.ts'
import type { ExitStatus, Supervisor } from '../supervisor/port.ts'

/** Answers when the process has ended. An OOM that was missed while nobody watched comes first. */
export async function watchProcess(
  supervisor: Supervisor,
  { id, runId }: { readonly id: string; readonly runId: string },
  signal: AbortSignal,
): Promise<readonly ContainerEvent[]> {
  const exit = await supervisor.wait(id, signal)
  const exited: ContainerEvent = { type: 'ProcessExited', runId, ...exitFacts(exit) }
  return exit.oomKilled ? [{ type: 'OomKilled', runId }, exited] : [exited]
}

/** Sends the signal; with `thaw` a paused container is resumed then, since a frozen process can't act on it. */
export async function sendSignal(
  supervisor: Supervisor,
  { id, runId, signal }: { readonly id: string; readonly runId: string; readonly signal: string },
  thaw: boolean,
): Promise<readonly ContainerEvent[]> {
  await supervisor.kill(id, signal)
  if (thaw) await supervisor.resume(id).catch(unlessEnded)
  return [{ type: 'SignalSent', runId, signal }]
}

function unlessEnded(error: unknown): void {
  if (!(error instanceof TallyError && error.code === 'not-found')) throw error
}

const exitFacts = ({ exitCode, exitedAt, reason }: ExitStatus) => ({
  exitCode,
  exitedAt,
  ...(reason === undefined ? {} : { reason }),
})
