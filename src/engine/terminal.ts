/** The terminal of a container that runs: its size. */
import { conflict, noSuchContainer } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Size, Supervisor } from '../supervisor/port.ts'
import type { Lifecycle } from './lifecycle.ts'

export interface TerminalPorts {
  readonly supervisor: Pick<Supervisor, 'resize'>
  readonly durable: () => Promise<void>
}

/** One without a terminal has nothing to resize, but that it was asked is shown, as in Docker. @throws TallyError conflict unless it runs */
export async function resizeTerminal(
  { supervisor, durable }: TerminalPorts,
  lifecycle: Lifecycle,
  size: Size,
  origin: Origin,
): Promise<void> {
  const { life } = lifecycle
  const { id, spec } = life.context
  if (spec === null) throw noSuchContainer(id)
  if (!life.matches('running')) throw conflict(`Container ${id} is not running`)
  if (spec.config.Tty) await supervisor.resize(id, size)
  lifecycle.observe({ type: 'TerminalResized', ...size }, origin)
  await durable()
}
