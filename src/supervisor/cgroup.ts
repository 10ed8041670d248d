/**
 * A task's control group by its path, without the runtime: what a killed runtime leaves is found here and nowhere else (runc issue
 * 4534). One directory in each v1 hierarchy and one in v2, cgroups(7).
 */
import { readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, join, normalize } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { failedWith } from '../kernel/addon.ts'
import { parseMountinfo } from '../kernel/mountinfo.ts'

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
  return hierarchies().map((target) => join(target, normalize(path)))
}

/** Pids of all members, those of groups below included. Zombies count as members, cgroups(7). */
export function cgroupMembers(directories: readonly string[]): readonly number[] {
  const pids = directories
    .flatMap(withDescendants)
    .flatMap((directory) => numbers(join(directory, 'cgroup.procs')))
  return [...new Set(pids)].filter((pid) => pid > 0 && pid !== process.pid)
}

/** Whether the members are frozen: `freezer.state` on v1, `cgroup.freeze` on v2. */
export function isFrozen(directories: readonly string[]): boolean {
  return directories.some(
    (directory) =>
      read(join(directory, 'freezer.state')).startsWith('FR') ||
      read(join(directory, 'cgroup.freeze')).trim() === '1',
  )
}

/** Lets frozen members run again; on v1 a frozen process does not even die of SIGKILL. */
export function thaw(directories: readonly string[]): void {
  for (const directory of directories.flatMap(withDescendants)) {
    writeExisting(join(directory, 'freezer.state'), 'THAWED')
    writeExisting(join(directory, 'cgroup.freeze'), '0')
  }
}

/** How often and how long apart the members are killed again: a process may fork between the look and the kill. */
const killRounds = 400
const roundMilliseconds = 5

/** Kills every member and waits until they are gone. @returns the pids that would not die in about two seconds. */
export async function killCgroup(directories: readonly string[]): Promise<readonly number[]> {
  for (let round = 0; round < killRounds; round++) {
    const members = cgroupMembers(directories)
    if (members.length === 0) return []
    for (const directory of directories) writeExisting(join(directory, 'cgroup.kill'), '1')
    for (const pid of members) killQuietly(pid)
    thaw(directories)
    await sleep(roundMilliseconds)
  }
  return cgroupMembers(directories)
}

/** Removes the group and those below it from every hierarchy. One that is still in use is left. @returns whether none is left */
export function removeCgroup(directories: readonly string[]): boolean {
  return directories.map(removeWithDescendants).every((removed) => removed)
}

/** Those below are only looked for if there are any: nearly always there are none. */
function removeWithDescendants(directory: string): boolean {
  if (removeGroup(directory)) return true
  return withDescendants(directory)
    .toReversed()
    .map(removeGroup)
    .every((removed) => removed)
}

/** Nothing there is fine. @returns false if it is in use. */
function removeGroup(directory: string): boolean {
  try {
    rmdirSync(directory)
  } catch (error) {
    if (failedWith(error, 'EBUSY')) return false
    if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error
  }
  return true
}

/** Where the hierarchies are mounted; does not change while the machine runs. */
let known: readonly string[] | undefined

function hierarchies(): readonly string[] {
  known ??= parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'))
    .filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
    .map(({ target }) => target)
  return known
}

/** The directory and those below it, parents first; empty if it is not there. */
function withDescendants(directory: string): readonly string[] {
  try {
    const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    return [directory, ...below.flatMap((entry) => withDescendants(join(directory, entry.name)))]
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENODEV')) return []
    throw error
  }
}

function numbers(path: string): readonly number[] {
  return read(path).split('\n').filter(Boolean).map(Number)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENODEV', 'EOPNOTSUPP')) return ''
    throw error
  }
}

function writeExisting(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'r+' })
  } catch (error) {
    if (!failedWith(error, 'ENOENT', 'ENODEV', 'EACCES', 'EINVAL')) throw error
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!failedWith(error, 'ESRCH')) throw error
  }
}
