/** A container's command line, as inspect and list show it. */
import type { ContainerConfig } from '../../../machines/spec.ts'

type Command = Pick<ContainerConfig, 'Entrypoint' | 'Cmd'>

/** The program and its arguments: the entrypoint's words before the command's. */
export function commandLine({ Entrypoint, Cmd }: Command): {
  readonly path: string
  readonly args: readonly string[]
} {
  const [path = '', ...args] = [...(Entrypoint ?? []), ...(Cmd ?? [])]
  return { path, args }
}

/** One string; arguments with a space are put in quotes, for the eye only. */
export function commandText(command: Command): string {
  const { path, args } = commandLine(command)
  return [path, ...args.map((word) => (word.includes(' ') ? `'${word}'` : word))].join(' ')
}
