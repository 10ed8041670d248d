/**
 * A task's control group by its path, without the runtime: what a killed runtime leaves is found here and nowhere else (runc issue
 * 4534). One directory in each v1 hierarchy and one in v2, cgroups(7). Each look and each change waits for the kernel's locks on all
 * control groups, long if others start and end just now, so all but `isFrozen` is done on libuv's pool.
 */
import { readFileSync } from 'node:fs'
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { basename, join, normalize } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { failedWith } from '../kernel/addon.ts'
import { type Mount, parseMountinfo } from '../kernel/mountinfo.ts'

/** Names the group and the task it must belong to. */
export interface CgroupName {
  readonly id: string
  readonly path: string | null
}

/**
 * The group's directories in all hierarchies, there or not. None for a path whose last component is not the task's id: such a group is
 * not the task's alone, and what is in it may not be killed.
 */
export function cgroupDirectories({ id, path }: CgroupName): readonly string[] {
  if (path === null || !path.startsWith('/') || basename(path) !== id) return []
  return hierarchies().map(({ target }) => join(target, normalize(path)))
}

/** Pids of all members, those of groups below included. Zombies count as members, cgroups(7). */
export async function cgroupMembers(directories: readonly string[]): Promise<readonly number[]> {
  const pids = await Promise.all((await allWithDescendants(directories)).map(members))
  return [...new Set(pids.flat())].filter((pid) => pid > 0 && pid !== process.pid)
}

/** Whether the members are frozen: `freezer.state` on v1, `cgroup.freeze` on v2. */
export function isFrozen(directories: readonly string[]): boolean {
  return freezers(directories).some(
    (directory) =>
      read(join(directory, 'freezer.state')).startsWith('FR') ||
      read(join(directory, 'cgroup.freeze')).trim() === '1',
  )
}

/** Lets frozen members run again; on v1 a frozen process does not even die of SIGKILL. */
export async function thaw(directories: readonly string[]): Promise<void> {
  for (const directory of await allWithDescendants(freezers(directories))) {
    await writeExisting(join(directory, 'freezer.state'), 'THAWED')
    await writeExisting(join(directory, 'cgroup.freeze'), '0')
  }
}

/** How often and how long apart the members are killed again: a process may fork between the look and the kill. */
const killRounds = 400
const roundMilliseconds = 5

/** Kills every member and waits until they are gone. @returns the pids that would not die in about two seconds. */
export async function killCgroup(directories: readonly string[]): Promise<readonly number[]> {
  for (let round = 0; round < killRounds; round++) {
    const pids = await cgroupMembers(directories)
    if (pids.length === 0) return []
    for (const directory of directories) await writeExisting(join(directory, 'cgroup.kill'), '1')
    for (const pid of pids) killQuietly(pid)
    await thaw(directories)
    await sleep(roundMilliseconds)
  }
  return cgroupMembers(directories)
}

/** Removes the group and those below it from every hierarchy. One that is still in use is left. @returns whether none is left */
export async function removeCgroup(directories: readonly string[]): Promise<boolean> {
  const removed = await Promise.all(directories.map(removeWithDescendants))
  return removed.every((one) => one)
}

/** Those below are only looked for if there are any: nearly always there are none. */
async function removeWithDescendants(directory: string): Promise<boolean> {
  if (await removeGroup(directory)) return true
  let all = true
  for (const group of (await withDescendants(directory)).toReversed()) all = (await removeGroup(group)) && all
  return all
}

/** Nothing there is fine. @returns false if it is in use. */
async function removeGroup(directory: string): Promise<boolean> {
  try {
    await rmdir(directory)
  } catch (error) {
    if (failedWith(error, 'EBUSY')) return false
    if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error
  }
  return true
}

/** Where the hierarchies are mounted; does not change while the machine runs. */
let known: readonly Mount[] | undefined

function hierarchies(): readonly Mount[] {
  known ??= parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).filter(
    ({ type }) => type === 'cgroup' || type === 'cgroup2',
  )
  return known
}

/** Those where members can be frozen. */
function freezers(directories: readonly string[]): readonly string[] {
  const roots = hierarchies().filter(({ type, options }) => type === 'cgroup2' || options.includes('freezer'))
  return directories.filter((directory) => roots.some(({ target }) => directory.startsWith(`${target}/`)))
}

async function allWithDescendants(directories: readonly string[]): Promise<readonly string[]> {
  return (await Promise.all(directories.map(withDescendants))).flat()
}

/** The directory and those below it, parents first; empty if it is not there. */
async function withDescendants(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name))
    return [directory, ...(await allWithDescendants(below))]
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENODEV')) return []
    throw error
  }
}

async function members(directory: string): Promise<readonly number[]> {
  const text = await unlessGone(readFile(join(directory, 'cgroup.procs'), 'utf8'))
  return (text ?? '').split('\n').filter(Boolean).map(Number)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (failedWith(error, ...gone)) return ''
    throw error
  }
}

/** The group is not there any more, or is none that has this file. */
const gone = ['ENOENT', 'ENODEV', 'EOPNOTSUPP']

async function unlessGone<T>(done: Promise<T>, ...besides: readonly string[]): Promise<T | undefined> {
  try {
    return await done
  } catch (error) {
    if (failedWith(error, ...gone, ...besides)) return undefined
    throw error
  }
}

async function writeExisting(path: string, text: string): Promise<void> {
  await unlessGone(writeFile(path, text, { flag: 'r+' }), 'EACCES', 'EINVAL')
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!failedWith(error, 'ESRCH')) throw error
  }
}
