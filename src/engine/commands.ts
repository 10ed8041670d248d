/** Commands to one container: decide, record, wait for what was asked to come true, make it durable, answer. */
import type { Outcome } from '../../machines/container-context.ts'
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { Life } from '../../machines/container-life.ts'
import { parseSignal, signalName } from '../../machines/signals.ts'
import { type Clock, nanoseconds, rfc3339 } from '../clock.ts'
import { badRequest, TallyError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { ContainerCommand } from './decide.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { StopOptions } from './port.ts'
import { killGrace } from './registry.ts'
import type { Update } from './update.ts'
import { exitCode } from './view.ts'

export interface CommandPorts {
  readonly clock: Clock
  readonly newRunId: () => string
  readonly durable: () => Promise<void>
}

/** Records `command`, after waiting as long as the state is on its way elsewhere. @throws the refusal. */
async function record<C extends ContainerCommand>(
  lifecycle: Lifecycle,
  makeCommand: () => C,
  origin: Origin,
): Promise<C> {
  for (;;) {
    const command = makeCommand()
    const decision = lifecycle.command(command, origin)
    if (decision.kind === 'refuse') throw decision.error
    if (decision.kind === 'record') return command
    const before = lifecycle.life
    await lifecycle.untilRecorded((life) => (life === before ? undefined : true))
  }
}

export async function start(ports: CommandPorts, lifecycle: Lifecycle, origin: Origin): Promise<void> {
  const runId = ports.newRunId()
  await record(lifecycle, () => ({ type: 'start', runId }), origin)
  await untilStarted(lifecycle, runId)
  await ports.durable()
}

export async function stop(
  ports: CommandPorts,
  lifecycle: Lifecycle,
  options: StopOptions,
  origin: Origin,
): Promise<void> {
  const by = options.by === undefined ? {} : { by: options.by }
  await record(
    lifecycle,
    () => ({ type: 'stop', ...stopFacts(ports, lifecycle.life, options), ...by }),
    origin,
  )
  await untilEnded(lifecycle, lifecycle.life.context.run?.id)
  await ports.durable()
}

/** One that comes while a restart is planned shares its new run. */
export async function restart(
  ports: CommandPorts,
  lifecycle: Lifecycle,
  options: StopOptions,
  origin: Origin,
): Promise<void> {
  const newRunId = ports.newRunId()
  const command = () => {
    const { life } = lifecycle
    const runId = life.context.next?.runId ?? newRunId
    return { type: 'restart' as const, runId, ...stopFacts(ports, life, options) }
  }
  const { runId } = await record(lifecycle, command, origin)
  await untilStarted(lifecycle, runId)
  await ports.durable()
}

export async function kill(
  ports: CommandPorts,
  lifecycle: Lifecycle,
  text: string,
  origin: Origin,
): Promise<void> {
  const signal = parseSignal(text === '' ? 'KILL' : text)
  if (signal === undefined) throw badRequest(`Invalid signal: ${text}`)
  await record(lifecycle, () => ({ type: 'kill', signal: signalName(signal) }), origin)
  const runId = lifecycle.life.context.run?.id
  await untilSignalled(lifecycle)
  if (signal === 9) await untilEnded(lifecycle, runId)
  await ports.durable()
}

/** A start that is under way is waited for. @throws TallyError internal with what the runtime said. */
export async function pause(ports: CommandPorts, lifecycle: Lifecycle, origin: Origin): Promise<void> {
  await record(lifecycle, () => ({ type: 'pause' }), origin)
  await untilFreezer(lifecycle, 'paused')
  await ports.durable()
}

export async function unpause(ports: CommandPorts, lifecycle: Lifecycle, origin: Origin): Promise<void> {
  await record(lifecycle, () => ({ type: 'unpause' }), origin)
  await untilFreezer(lifecycle, 'thawed')
  await ports.durable()
}

/** Waits until the freezer is in `wanted`. @throws TallyError if the runtime refuses or the container ends before. */
async function untilFreezer(lifecycle: Lifecycle, wanted: 'paused' | 'thawed'): Promise<void> {
  const { id } = lifecycle.life.context
  const verb = wanted === 'paused' ? 'pause' : 'unpause'
  await lifecycle.untilRecorded((life, event) => {
    if (life.matches({ running: { freezer: wanted } })) return true
    if (event?.type === 'PauseFailed' || event?.type === 'ResumeFailed')
      throw new TallyError('internal', `Cannot ${verb} container ${id}: ${event.message}`)
    if (life.matches('running')) return undefined
    throw new TallyError('internal', `Cannot ${verb} container ${id}: Container ${id} is not running`)
  })
}

/** Changes limits and restart policy, those of a running container at once. @throws TallyError conflict, or internal if the runtime refuses. */
export async function update(
  ports: CommandPorts,
  lifecycle: Lifecycle,
  wanted: Update,
  origin: Origin,
): Promise<void> {
  await record(lifecycle, () => ({ type: 'update', update: wanted }), origin)
  await lifecycle.untilRecorded((life, event) => {
    if (event?.type === 'LimitsRefused')
      throw new TallyError('internal', `Cannot update container ${life.context.id}: ${event.message}`)
    return life.matches({ running: { limits: 'applying' } }) ? undefined : true
  })
  await ports.durable()
}

export async function rename(
  ports: CommandPorts,
  lifecycle: Lifecycle,
  name: string,
  origin: Origin,
): Promise<void> {
  await record(lifecycle, () => ({ type: 'rename', name }), origin)
  await ports.durable()
}

export async function remove(
  ports: CommandPorts,
  lifecycle: Lifecycle,
  options: { readonly force: boolean; readonly volumes: boolean },
  origin: Origin,
): Promise<void> {
  const killDeadline = () => later(ports.clock, killGrace)
  await record(lifecycle, () => ({ type: 'remove', ...options, killDeadline: killDeadline() }), origin)
  await lifecycle.untilRecorded((life) => (life.matches('removed') ? true : failIfStuck(life)))
  await ports.durable()
}

/** Waits until run `runId` runs. @throws TallyError with why it failed, once all that was made for it is released. */
async function untilStarted(lifecycle: Lifecycle, runId: string): Promise<void> {
  let own: Outcome | undefined
  const outcome = await lifecycle.untilRecorded((life, event) => {
    const { run, next } = life.context
    if (next?.runId === runId) return failIfStuck(life)
    if (run?.id !== runId) return own ?? cancelledIf(event !== undefined)
    if (run.startedAt !== undefined) return 'started' as const
    own = run.outcome
    return life.matches('releasing') ? undefined : own
  })
  if (outcome !== 'started') throw startError(outcome)
}

const cancelledIf = (passed: boolean): Outcome | undefined =>
  passed ? { kind: 'cancelled', by: 'stop' } : undefined

function startError(outcome: Outcome): TallyError {
  if (outcome.kind !== 'failed')
    return new TallyError('conflict', 'the start was cancelled before the container ran')
  const { message, detail, exitCode: code, code: kind } = outcome.failure
  const unusable = code === 126 || code === 127
  const known = kind === 'unavailable' || kind === 'not-supported' ? kind : 'internal'
  return new TallyError(unusable ? 'bad-request' : known, message, {
    step: outcome.step,
    exitCode: code,
    ...(detail === undefined ? {} : { detail }),
  })
}

/** Waits until run `runId` has ended and is released. */
async function untilEnded(lifecycle: Lifecycle, runId: string | undefined): Promise<void> {
  await lifecycle.untilRecorded((life) => {
    const ended =
      life.context.run?.id !== runId ||
      (life.context.run?.outcome !== undefined && !life.matches('releasing'))
    return ended ? true : failIfStuck(life)
  })
}

/** Waits until the newest signal was sent. That the process had ended before is fine: its exit is on its way. */
async function untilSignalled(lifecycle: Lifecycle): Promise<void> {
  const { signalCount, signals, run } = lifecycle.life.context
  const mine = signalCount + signals.length
  const failure = await lifecycle.untilRecorded((life, event) => {
    const { context } = life
    if (context.run?.id !== run?.id || context.run?.outcome !== undefined) return 'ended' as const
    if (context.signalCount < mine) return undefined
    return event?.type === 'SignalFailed' ? event : ('sent' as const)
  })
  if (typeof failure === 'string' || failure.code === 'not-found') return
  throw new TallyError('internal', failure.message)
}

function failIfStuck(life: Life): undefined {
  if (!life.matches({ running: { stop: 'stuck' } })) return undefined
  const { id } = life.context
  throw new TallyError(
    'internal',
    `cannot stop container: ${id}: tried to kill container, but did not receive an exit event`,
  )
}

function stopFacts(
  { clock }: CommandPorts,
  { context }: Life,
  options: StopOptions,
): Omit<Extract<ContainerCommand, { type: 'stop' }>, 'type'> {
  const { config } = context.spec ?? {}
  const text = options.signal || config?.StopSignal || 'SIGTERM'
  const signal = parseSignal(text)
  if (signal === undefined) throw badRequest(`Invalid signal: ${text}`)
  const timeoutSeconds = options.timeoutSeconds ?? config?.StopTimeout ?? 10
  const endless = timeoutSeconds < 0 || timeoutSeconds > longestWait
  const deadline = endless ? null : later(clock, BigInt(timeoutSeconds) * 1_000_000_000n)
  return { signal: signalName(signal), timeoutSeconds, deadline }
}

/** Seconds, about 31 years: to wait longer is to wait for ever. */
const longestWait = 1_000_000_000

const later = (clock: Clock, delay: bigint): string => rfc3339(nanoseconds(clock.now()) + delay)

/**
 * Docker's exit code of the run that ends next, or with `ending` of one that has just ended; see `Engine.wait`. A start that fails is no
 * exit, unless `ending`; the removal of the container ends every wait.
 */
export async function nextExit(
  lifecycle: Lifecycle,
  { ending, signal }: { readonly ending: boolean; readonly signal: AbortSignal },
): Promise<{ readonly exitCode: number }> {
  const past = ending || !lifecycle.life.matches('releasing') ? undefined : lifecycle.life.context.run?.id
  let ended: Outcome | undefined
  const outcome = await lifecycle.until((life, event) => {
    const { run } = life.context
    const counts = ending || run?.outcome?.kind === 'exited'
    if (life.matches('releasing') && run?.id !== past && counts) ended = run?.outcome
    if (life.matches('removed') || givenUp(life, event)) return { of: run?.outcome }
    return event?.type === 'Released' && ended !== undefined ? { of: ended } : undefined
  }, signal)
  return { exitCode: exitCode(outcome.of) }
}

/** The restart policy was told to give up while it waited: that is the end that others wait for. */
const givenUp = (life: Life, event: ContainerEvent | undefined): boolean =>
  (event?.type === 'StopRequested' || event?.type === 'KillRequested') && !isActive(life)

/** Whether a run is under way, its clean-up included. */
export const isActive = (life: Life): boolean =>
  life.matches('running') || life.matches('launching') || life.matches('releasing')
