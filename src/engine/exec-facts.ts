/** What is asked of an exec's life in several places. Pure. */
import type { ExecLife } from '../../machines/exec-life.ts'
import { TallyError } from '../errors.ts'
import type { ExecView } from './port.ts'

export const createdIn = ({ context: { created } }: ExecLife) => {
  if (created === null) throw new TallyError('internal', 'an exec has no ExecCreated event')
  return created
}

/** The id of its container. */
export const ownerOf = ({ context }: ExecLife): string => context.created?.container.id ?? ''

/** Its process is gone, or never came. */
export const hasEnded = ({ context }: ExecLife): boolean => context.exit !== null || context.failure !== null

/** It runs, or did, or can't. */
export const isUnderWay = (life: ExecLife): boolean => life.context.process !== null || hasEnded(life)

export function execViewOf(life: ExecLife): ExecView {
  const { process, exit, failure, asked } = life.context
  const { id, container, config } = createdIn(life)
  const exitCode = exit?.exitCode ?? failure?.exitCode ?? null
  const running = asked !== null && exitCode === null
  return { id, containerId: container.id, config, running, exitCode, pid: process?.pid ?? 0 }
}
