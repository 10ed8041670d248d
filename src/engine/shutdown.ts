/** Stops all that runs before the daemon ends, as dockerd does without live restore: all at once, each by its own signal and in its own time. */
import type { Life } from '../../machines/container-life.ts'
import { TallyError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Timers } from '../timers.ts'
import { type CommandPorts, isActive, stop } from './commands.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Registry } from './registry.ts'

export interface ShutdownPorts {
  readonly registry: Registry
  readonly commands: CommandPorts
  readonly timers: Timers
  readonly report: (message: string, fields: object) => void
}

export interface ShutdownOptions {
  /** dockerd's --shutdown-timeout, seconds; -1: for ever. A container that may take longer by its StopTimeout is given that and five more. */
  readonly timeoutSeconds: number
  readonly origin: Origin
}

/** Answers when nothing runs any more, or when the time is up: what runs then goes on without the daemon. */
export async function stopContainers(ports: ShutdownPorts, options: ShutdownOptions): Promise<void> {
  const { registry, timers, report } = ports
  const stopped = stopAll(ports, options.origin)
  const seconds = patience(busy(registry), options.timeoutSeconds)
  if (seconds < 0) return stopped
  const late = Promise.withResolvers<void>()
  const cancel = timers.after(Math.min(seconds * 1000, longestTimer), late.resolve)
  await Promise.race([stopped, late.promise])
  cancel()
  const left = busy(registry).map(({ life }) => life.context.id)
  if (left.length > 0) report('containers not stopped in time', { containers: left })
}

const longestTimer = 2 ** 31 - 1
const graceSeconds = 5
const defaultStopSeconds = 10

function patience(lifecycles: readonly Lifecycle[], timeoutSeconds: number): number {
  const own = lifecycles.map(({ life }) => life.context.spec?.config.StopTimeout ?? defaultStopSeconds)
  if (timeoutSeconds < 0 || own.some((seconds) => seconds < 0)) return -1
  return Math.max(timeoutSeconds, ...own.map((seconds) => seconds + graceSeconds))
}

/** Looks again for what was started meanwhile over a connection that was open. Each run is asked once. */
async function stopAll(ports: ShutdownPorts, origin: Origin): Promise<void> {
  const asked = new Set<string>()
  const unasked = () => busy(ports.registry).filter(({ life }) => !asked.has(runOf(life)))
  for (let round = unasked(); round.length > 0; round = unasked()) {
    for (const { life } of round) asked.add(runOf(life))
    await Promise.all(round.map((lifecycle) => stopOne(ports, lifecycle, origin)))
  }
}

async function stopOne(
  { commands, report }: ShutdownPorts,
  lifecycle: Lifecycle,
  origin: Origin,
): Promise<void> {
  try {
    await stop(commands, lifecycle, { by: 'shutdown' }, origin)
  } catch (err) {
    if (!hasEnded(err)) return report('container not stopped', { container: lifecycle.life.context.id, err })
  }
  await lifecycle.until((life) => (isBusy(life) ? undefined : true))
}

const hasEnded = (error: unknown): boolean =>
  error instanceof TallyError && (error.code === 'not-modified' || error.code === 'not-found')

const isBusy = (life: Life): boolean => isActive(life) || life.matches('removing')

const busy = (registry: Registry): readonly Lifecycle[] =>
  registry
    .ids()
    .flatMap((id) => registry.get(id) ?? [])
    .filter(({ life }) => isBusy(life))

const runOf = ({ context }: Life): string => `${context.id}:${context.run?.id}`
