/** What a simulated container's program does; it is written as the container's command, so that the log has it too. */
import type { ContainerSpec } from '../../machines/spec.ts'
import type { Program } from '../unit/engine/world.ts'

export interface SimulatedProgram extends Program {
  /** Milliseconds; absent: until it is told to end. */
  readonly lasts?: number
  readonly exitCode?: number
  /** The kernel's OOM killer ends it. */
  readonly oom?: boolean
}

export const commandOf = (program: SimulatedProgram): readonly string[] => [
  'simulated',
  JSON.stringify(program),
]

export const programOf = ({ config }: ContainerSpec): SimulatedProgram => programIn(config.Cmd ?? [])

/** @param command of `commandOf` */
export const programIn = (command: readonly string[] = []): SimulatedProgram =>
  JSON.parse(command[1] ?? '{}') as SimulatedProgram
