/** What `docker events` shows for an event of an exec's life: messages of its container. Pure. */
import type { ExecContext } from '../../machines/exec.ts'
import type { ExecEvent } from '../../machines/exec-events.ts'
import { type ExecLife, evolveExec, isKnownExecEvent, newExecLife } from '../../machines/exec-life.ts'
import { nanoseconds } from '../clock.ts'
import type { MessageRows, RecordedEvent } from '../store/port.ts'
import { NewerEventError } from '../store/upcast.ts'
import type { Message } from './messages.ts'

/** @param after the context once the event was applied */
export function execMessagesOf(event: ExecEvent, { created }: ExecContext): readonly Message[] {
  if (created === null) return []
  const { id: execID, config, container } = created
  const { labels, image, name } = container
  const say = (action: string, extra: Record<string, string> = {}): readonly Message[] => [
    { action, attributes: { ...labels, execID, ...extra, image, name } },
  ]
  const [program = '', ...rest] = config.Cmd
  const command = `${program} ${rest.join(' ')}`
  switch (event.type) {
    case 'ExecCreated':
      return say(`exec_create: ${command}`)
    case 'ExecStartRequested':
      return say(`exec_start: ${command}`)
    case 'ExecExited':
      return say('exec_die', { exitCode: String(event.exitCode) })
    case 'ExecDetached':
      return say('exec_detach')
    case 'ExecStarted':
    case 'ExecFailed':
    case 'ExecReleased':
      return []
  }
}

/** Only within the `project` of an append or a rebuild; `life` is the state after the event. */
export function projectExec(
  { position, event, meta }: RecordedEvent<ExecEvent>,
  life: ExecLife,
  messages: MessageRows,
): void {
  const actorId = life.context.created?.container.id ?? ''
  const timeNano = nanoseconds(meta.time)
  for (const [ordinal, message] of execMessagesOf(event, life.context).entries())
    messages.put({ position, ordinal, timeNano, type: 'container', actorId, ...message })
}

/** @returns takes the events of execs in the order of their positions. @throws NewerEventError. */
export function replayExecs(messages: MessageRows): (recorded: RecordedEvent<ExecEvent>) => void {
  const lives = new Map<string, ExecLife>()
  return (recorded) => {
    const { stream, event } = recorded
    requireKnownExec(event)
    const life = evolveExec(lives.get(stream) ?? newExecLife(), event)
    if (life.status === 'done') lives.delete(stream)
    else lives.set(stream, life)
    projectExec(recorded, life, messages)
  }
}

export function requireKnownExec({ type }: ExecEvent): void {
  if (!isKnownExecEvent(type)) throw new NewerEventError(`the log has the event ${type}`)
}
