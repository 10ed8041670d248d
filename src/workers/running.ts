/** The workers of a running container: `watchProcess` waits for its end, `sendSignal` signals it. */
import type { ContainerEvent } from '../../machines/container-events.ts'
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

/** Sends the signal; a paused container is resumed after one that would end it, since a frozen process can't die. */
export async function sendSignal(
  supervisor: Supervisor,
  { id, runId, signal }: { readonly id: string; readonly runId: string; readonly signal: string },
  paused: boolean,
): Promise<readonly ContainerEvent[]> {
  await supervisor.kill(id, signal)
  if (paused && (signal === 'SIGKILL' || signal === 'SIGTERM')) await supervisor.resume(id)
  return [{ type: 'SignalSent', runId, signal }]
}

const exitFacts = ({ exitCode, exitedAt, reason }: ExitStatus) => ({
  exitCode,
  exitedAt,
  ...(reason === undefined ? {} : { reason }),
})
