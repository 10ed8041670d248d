/** What a command means in a container's present state: the events that record it, a refusal in Docker's words, or wait and ask again. Pure. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import { type Life, milestone } from '../../machines/container-life.ts'
import { badRequest, conflict, noSuchContainer, notModified, type TallyError } from '../errors.ts'

export type ContainerCommand =
  | { readonly type: 'start'; readonly runId: string }
  | {
      readonly type: 'stop'
      readonly signal: string
      readonly timeoutSeconds: number
      readonly deadline: string | null
    }
  | {
      readonly type: 'restart'
      readonly runId: string
      readonly signal: string
      readonly timeoutSeconds: number
      readonly deadline: string | null
    }
  | { readonly type: 'kill'; readonly signal: string }
  | { readonly type: 'rename'; readonly name: string }
  | {
      readonly type: 'remove'
      readonly force: boolean
      readonly volumes: boolean
      readonly killDeadline: string
    }

export type Decision =
  | { readonly kind: 'record'; readonly event: ContainerEvent }
  | { readonly kind: 'refuse'; readonly error: TallyError }
  /** The state is on its way elsewhere: decide again when it has changed. */
  | { readonly kind: 'wait' }

/** Decides `command` for the container in state `life`. A recorded event is always one that the state accepts. */
export function decide(life: Life, command: ContainerCommand): Decision {
  const error = refusal(life, command)
  if (error !== undefined) return { kind: 'refuse', error }
  const event = toEvent(life, command)
  return life.can(event) && !joins(life, command) ? { kind: 'record', event } : { kind: 'wait' }
}

/** A start while another one is under way waits for that one's end and is then decided by it. */
const joins = (life: Life, { type }: ContainerCommand): boolean =>
  type === 'start' && life.matches('releasing') && life.context.next !== null

function toEvent(life: Life, command: ContainerCommand): ContainerEvent {
  switch (command.type) {
    case 'start':
      return { type: 'StartRequested', runId: command.runId }
    case 'stop': {
      const { signal, timeoutSeconds, deadline } = command
      return { type: 'StopRequested', signal, timeoutSeconds, deadline }
    }
    case 'restart': {
      const { runId, signal, timeoutSeconds, deadline } = command
      return { type: 'RestartRequested', runId, signal, timeoutSeconds, deadline }
    }
    case 'kill':
      return { type: 'KillRequested', signal: command.signal }
    case 'rename':
      return { type: 'ContainerRenamed', name: command.name, oldName: life.context.name }
    case 'remove': {
      const { force, volumes, killDeadline } = command
      return { type: 'RemoveRequested', force, volumes, killDeadline }
    }
  }
}

function refusal(life: Life, command: ContainerCommand): TallyError | undefined {
  const { id } = life.context
  if (life.matches('removed') || life.matches('absent')) return noSuchContainer(id)
  switch (command.type) {
    case 'start':
      return refuseStart(life)
    case 'stop':
      return refuseStop(life)
    case 'kill':
      return refuseKill(life)
    case 'restart':
      return refuseWhileRemoving(life, 'restarted')
    case 'remove':
      return refuseRemove(life, command.force)
    case 'rename':
      return command.name === life.context.name
        ? badRequest('Renaming a container with the same name as its current name')
        : undefined
  }
}

function refuseStart(life: Life): TallyError | undefined {
  if (life.matches({ running: { freezer: 'paused' } }))
    return conflict('cannot start a paused container, try unpause instead')
  if (life.matches('running')) return notModified()
  return refuseWhileRemoving(life, 'started')
}

function refuseWhileRemoving(life: Life, doing: string): TallyError | undefined {
  if (!life.matches('removing') && life.context.removal === null) return undefined
  return conflict(`container is marked for removal and cannot be ${doing}`)
}

function refuseStop(life: Life): TallyError | undefined {
  if (life.matches('running') || life.matches('launching')) return undefined
  if (life.matches('releasing') && life.context.next !== null) return undefined
  return notModified()
}

function refuseKill(life: Life): TallyError | undefined {
  if (life.matches('running') || life.matches('launching')) return undefined
  const { id } = life.context
  return conflict(`Cannot kill container: ${id}: Container ${id} is not running`)
}

function refuseRemove(life: Life, force: boolean): TallyError | undefined {
  const { id } = life.context
  // One that would not die is tried again.
  if (force && life.matches({ running: { stop: 'stuck' } })) return undefined
  if (life.matches('removing') || life.context.removal !== null)
    return conflict(`removal of container ${id} is already in progress`)
  if (force || !(life.matches('running') || life.matches('launching'))) return undefined
  if (life.matches({ running: { freezer: 'paused' } }))
    return conflict(
      `You cannot remove a paused container ${id}. Unpause and then stop the container before attempting removal or force remove`,
    )
  const doing = milestone(life.value) === 'running' ? 'running' : 'starting'
  return conflict(
    `You cannot remove a ${doing} container ${id}. Stop the container before attempting removal or force remove`,
  )
}
