/** The terminal of a container that runs: its size. */
import { conflict } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Size, Supervisor } from '../supervisor/port.ts'
import { noteFact, targetOf } from './facts.ts'
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
  const { id, spec } = targetOf(lifecycle)
  if (!lifecycle.life.matches('running')) throw conflict(`Container ${id} is not running`)
  if (spec.config.Tty) await supervisor.resize(id, size)
  await noteFact({ durable }, lifecycle, { type: 'TerminalResized', ...size }, origin)
}
