/** The program on the host that `--init` puts before a container's own. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { HostConfig } from '../../machines/spec.ts'
import { TallyError } from '../errors.ts'
import { wantsInit } from '../oci/init.ts'

export interface InitOptions {
  /** Of the daemon's `--init-path`; absent: the first of `programs` in PATH. */
  readonly path?: string
  /** Also for containers that say neither yes nor no. */
  readonly always: boolean
}

/** Statically linked ones: an image need not have a C library. docker-init is what Debian's docker.io calls tini-static. */
const programs = ['docker-init', 'tini-static']

/** Undefined: none is asked for. @throws TallyError internal, exit code 128, if there is no such program */
export function initProgram(
  hostConfig: Pick<HostConfig, 'Init' | 'PidMode'>,
  { path, always }: InitOptions,
): string | undefined {
  if (!wantsInit(hostConfig, always)) return undefined
  const found = path ?? findProgram()
  if (found !== undefined && isExecutable(found)) return found
  const missing =
    path === undefined
      ? `none of ${programs.join(' and ')} is in the daemon's PATH (Debian's package tini has the latter)`
      : `${path} (--init-path) is not there or not executable`
  const message = `no init process for the container (--init): ${missing}`
  throw new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128 })
}

function findProgram(): string | undefined {
  const directories = (process.env.PATH ?? '').split(delimiter)
  return programs.flatMap((name) => directories.map((directory) => join(directory, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
