/** What a command means in a container's present state: the events that record it, a refusal in Docker's words, or wait and ask again. Pure. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import { type Life, milestone } from '../../machines/container-life.ts'
import type { HostConfig } from '../../machines/spec.ts'
import { badRequest, conflict, noSuchContainer, notModified, TallyError } from '../errors.ts'
import { changedHostConfig, type Update } from './update.ts'

export type ContainerCommand =
  | { readonly type: 'start'; readonly runId: string }
  | {
      readonly type: 'stop'
      readonly signal: string
      readonly timeoutSeconds: number
      readonly deadline: string | null
      readonly by?: 'shutdown'
    }
  | {
      readonly type: 'restart'
      readonly runId: string
      readonly signal: string
      readonly timeoutSeconds: number
      readonly deadline: string | null
    }
  /** `ref` is what the client calls the container. */
  | { readonly type: 'kill'; readonly signal: string; readonly ref: string }
  | { readonly type: 'pause' }
  | { readonly type: 'unpause' }
  | { readonly type: 'update'; readonly update: Update }
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
      const { type: _, ...facts } = command
      return { type: 'StopRequested', ...facts }
    }
    case 'restart': {
      const { runId, signal, timeoutSeconds, deadline } = command
      return { type: 'RestartRequested', runId, signal, timeoutSeconds, deadline }
    }
    case 'kill':
      return { type: 'KillRequested', signal: command.signal }
    case 'pause':
      return { type: 'PauseRequested' }
    case 'unpause':
      return { type: 'ResumeRequested' }
    case 'update':
      return { type: 'UpdateRequested', hostConfig: changedHostConfig(hostConfigOf(life), command.update) }
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
      return refuseKill(life, command.ref)
    case 'restart':
      return refuseWhileRemoving(life, 'restarted')
    case 'pause':
      return refusePause(life)
    case 'unpause':
      return refuseUnpause(life)
    case 'update':
      return refuseUpdate(life, command.update)
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
  if (life.matches('running') || life.matches('restarting')) return notModified()
  return refuseWhileRemoving(life, 'started')
}

function refusePause(life: Life): TallyError | undefined {
  const { id } = life.context
  if (life.matches('restarting'))
    return conflict(`Container ${id} is restarting, wait until the container is running`)
  if (life.matches({ running: { freezer: 'paused' } })) return conflict(`Container ${id} is already paused`)
  return isUnderWay(life) ? undefined : conflict(`Container ${id} is not running`)
}

function refuseUnpause(life: Life): TallyError | undefined {
  const freezer = ['paused', 'pausing', 'resuming'] as const
  if (freezer.some((state) => life.matches({ running: { freezer: state } }))) return undefined
  return new TallyError('internal', `Container ${life.context.id} is not paused`)
}

function refuseUpdate(life: Life, update: Update): TallyError | undefined {
  const { id } = life.context
  if (life.matches('removing') || life.context.removal !== null)
    return conflict(`Cannot update container ${id}: container is marked for removal and cannot be "update"`)
  try {
    changedHostConfig(hostConfigOf(life), update)
    return undefined
  } catch (error) {
    if (!(error instanceof TallyError)) throw error
    return new TallyError(error.code, `Cannot update container ${id}: ${error.message}`)
  }
}

function hostConfigOf({ context }: Life): HostConfig {
  if (context.spec === null) throw noSuchContainer(context.id)
  return context.spec.hostConfig
}

function refuseWhileRemoving(life: Life, doing: string): TallyError | undefined {
  if (!life.matches('removing') && life.context.removal === null) return undefined
  return conflict(`container is marked for removal and cannot be ${doing}`)
}

function refuseStop(life: Life): TallyError | undefined {
  if (isUnderWay(life) || life.matches('restarting')) return undefined
  if (life.matches('releasing') && life.context.next !== null) return undefined
  return notModified()
}

function refuseKill(life: Life, ref: string): TallyError | undefined {
  if (isUnderWay(life) || life.matches('restarting')) return undefined
  const { id } = life.context
  return conflict(`Cannot kill container: ${ref}: Container ${id} is not running`)
}

const isUnderWay = (life: Life): boolean => life.matches('running') || life.matches('launching')

function refuseRemove(life: Life, force: boolean): TallyError | undefined {
  const { id } = life.context
  if (life.matches('removing') || life.context.removal !== null)
    return conflict(`removal of container ${id} is already in progress`)
  if (force || !(isUnderWay(life) || life.matches('restarting'))) return undefined
  if (life.matches({ running: { freezer: 'paused' } }))
    return conflict(
      `You cannot remove a paused container ${id}. Unpause and then stop the container before attempting removal or force remove`,
    )
  const word = milestone(life.value)
  const doing = word === 'running' || word === 'restarting' ? word : 'starting'
  return conflict(
    `You cannot remove a ${doing} container ${id}. Stop the container before attempting removal or force remove`,
  )
}
