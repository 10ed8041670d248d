/** `--init`: a small first process that passes signals on and reaps orphans stands before the container's own, as in Docker. */
import type { HostConfig } from '../../machines/spec.ts'
import type { Mount } from './runtime-spec.ts'

/** Where the program is bound into the container. */
const destination = '/sbin/docker-init'

/** It has to be the first process of a pid namespace, so one that is not the container's own gets none. */
export function wantsInit({ Init, PidMode }: Pick<HostConfig, 'Init' | 'PidMode'>, always: boolean): boolean {
  return !PidMode && (Init ?? always)
}

export const initArguments = (program: string | undefined): readonly string[] =>
  program === undefined ? [] : [destination, '--']

export const initMounts = (program: string | undefined): readonly Mount[] =>
  program === undefined ? [] : [{ destination, type: 'bind', source: program, options: ['bind', 'ro'] }]
