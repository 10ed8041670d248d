/** A reboot as far as a daemon can tell: no process and no mount is left, the exec root and the control groups are empty, the boot id is another one. */
import { execFileSync } from 'node:child_process'
import { readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readProcess, readShim, taskPaths } from '../../src/supervisor/task-directory.ts'
import type { Daemon } from '../e2e/daemon.ts'

const bootIdFile = '/proc/sys/kernel/random/boot_id'
const script = `mount --make-private /proc && mount --bind "$0" ${bootIdFile} && exec "$@"`

/** Kills the daemon and all its containers, and starts it as after a boot. */
export async function reboot(...words: Parameters<typeof shutDown>): Promise<void> {
  await shutDown(...words)
  await words[0].launch()
}

/**
 * Kills the daemon and all its containers; its next launch is one after a boot. Needs the supervisor in the daemon's process.
 * @param environment of the daemon from then on.
 */
export async function shutDown(
  daemon: Daemon,
  bootId = '11111111-2222-3333-4444-555555555555',
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  await daemon.end('SIGKILL')
  loseProcesses(daemon)
  for (const target of daemon.mounts().reverse())
    if (target !== daemon.execRoot) execFileSync('umount', ['-l', target])
  for (const entry of readdirSync(daemon.execRoot)) rmSync(join(daemon.execRoot, entry), { recursive: true })
  loseGroups(daemon)
  const file = join(daemon.root, 'boot_id')
  writeFileSync(file, `${bootId}\n`)
  const wrapper = ['unshare', '-m', '--propagation', 'unchanged', 'sh', '-c', script, file]
  daemon.change({ environment, wrapper })
}

function loseProcesses({ execRoot }: Daemon): void {
  const root = join(execRoot, 'libcontainerd/containerd')
  const paths = readdirSync(root).map((id) => taskPaths(root, id))
  const found = paths.flatMap((path) => [readShim(path), readProcess(path)])
  for (const process of found) if (process !== undefined) kill(process.pid)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

function loseGroups({ namespace }: Daemon): void {
  const root = '/sys/fs/cgroup'
  const parents = [root, ...readdirSync(root).map((hierarchy) => join(root, hierarchy))]
  const named = execFileSync('find', [...parents, '-maxdepth', '1', '-type', 'd', '-name', namespace], {
    encoding: 'utf8',
  })
  for (const parent of new Set(named.split('\n').filter((path) => path !== ''))) {
    const groups = execFileSync('find', [parent, '-depth', '-type', 'd'], { encoding: 'utf8' })
    for (const group of groups.split('\n').filter((path) => path !== '')) removeGroup(group)
  }
}

function removeGroup(path: string): void {
  for (let attempt = 0; attempt < 100; attempt += 1)
    try {
      rmdirSync(path)
      return
    } catch {
      // Processes that were killed are still on their way out.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
}
