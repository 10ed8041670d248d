/** What every daemon of a test's own needs around it, and how that is given back. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { busyboxArchive } from '../../scripts/busybox.ts'

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The docker CLI on one daemon. */
export interface DockerCli {
  docker(...args: readonly string[]): Promise<CliResult>
  dockerWithInput(input: string | Buffer, ...args: readonly string[]): Promise<CliResult>
}

/** Makes the image `bb` out of the host's static busybox. */
export async function importBusybox(cli: DockerCli): Promise<void> {
  const words = ['import', '--change', 'CMD ["sh"]', '-', 'bb']
  const { code, stderr } = await cli.dockerWithInput(busyboxArchive(), ...words)
  if (code !== 0) throw new Error(`import failed: ${stderr}`)
}

export async function removeContainers(cli: DockerCli): Promise<void> {
  const { stdout } = await cli.docker('ps', '-aq')
  const ids = stdout.split('\n').filter((id) => id !== '')
  if (ids.length > 0) await cli.docker('rm', '-f', ...ids)
}

/** Targets of what is mounted below a directory, in the order of mounting, as a process sees it. */
export function mountedBelow(directory: string, pid: number | 'self' = 'self'): string[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(`${directory}/`))
}

/** A control group without processes goes from every hierarchy, with those below it. */
export function removeGroups(name: string): void {
  const root = '/sys/fs/cgroup'
  for (const hierarchy of ['.', ...readdirSync(root)]) {
    const group = join(root, hierarchy, name)
    if (existsSync(group)) execFileSync('find', [group, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'])
  }
}
