/** A task's directory, `<supervisor-root>/<id>/init`: the names of its files, how they are made and how they are read back. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { badRequest } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import { makeFifo } from '../kernel/fifo.ts'
import type { ExitStatus, ProcessIdentity, TaskSpec } from './port.ts'

/** What is needed to take over a task after this process was killed: `task.json`. */
export interface TaskRecord extends TaskSpec {
  /** `linux.cgroupsPath` of the bundle's config.json. */
  readonly cgroupsPath: string | null
  /** The first word of the process's arguments; Docker's exit codes depend on whether an error names it. */
  readonly command: string
}

/** Absolute paths. */
export interface TaskPaths {
  /** The container's directory, which also holds those of its exec'd processes. */
  readonly home: string
  readonly directory: string
  readonly control: string
  readonly exit: string
  readonly process: string
  readonly record: string
  readonly shim: string
  readonly pid: string
  readonly startTime: string
  readonly started: string
  readonly runtimeLog: string
  readonly shimLog: string
  readonly exitStatus: string
  readonly oom: string
}

/** @throws TallyError bad-request for an id that would lead out of the supervisor's root. */
export function taskPaths(root: string, id: string): TaskPaths {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id))
    throw badRequest(`invalid task id: ${JSON.stringify(id)}`)
  const home = join(root, id)
  const directory = join(home, 'init')
  return {
    home,
    directory,
    control: join(directory, 'control'),
    exit: join(directory, 'exit'),
    process: join(directory, 'process.json'),
    record: join(directory, 'task.json'),
    shim: join(directory, 'shim'),
    pid: join(directory, 'pid'),
    startTime: join(directory, 'starttime'),
    started: join(directory, 'started'),
    runtimeLog: join(directory, 'log.json'),
    shimLog: join(directory, 'shim-log.json'),
    exitStatus: join(directory, 'exit-status'),
    oom: join(directory, 'oom'),
  }
}

/** What the supervisor reads of a bundle's config.json. */
export interface BundleConfig {
  readonly process: { readonly args?: readonly string[] }
  readonly linux?: { readonly cgroupsPath?: string }
}

/** Makes the directory, the two fifos, `process.json` and `task.json`; the record comes last, so that a directory that has one is whole. */
export function makeTaskDirectory(paths: TaskPaths, task: TaskSpec, config: BundleConfig): TaskRecord {
  const record: TaskRecord = {
    ...task,
    cgroupsPath: config.linux?.cgroupsPath ?? null,
    command: config.process.args?.[0] ?? '',
  }
  rmSync(paths.directory, { recursive: true, force: true })
  mkdirSync(paths.directory, { recursive: true, mode: 0o700 })
  makeFifo(paths.control, 0o600)
  makeFifo(paths.exit, 0o600)
  writeFact(paths.process, JSON.stringify(config.process))
  writeFact(paths.record, JSON.stringify(record))
  return record
}

/** Written aside and renamed, so that a reader sees all of it or nothing. */
export function writeFact(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** A fact in the directory; undefined if it is not there yet. These files lie in memory (tmpfs): reading them waits for no disk. */
export function readFact(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

export function readRecord(paths: TaskPaths): TaskRecord | undefined {
  return readJson<TaskRecord>(paths.record)
}

export function readExitStatus(paths: TaskPaths): ExitStatus | undefined {
  return readJson<ExitStatus>(paths.exitStatus)
}

/** The pid that `runc create --pid-file` wrote. */
export function readPid(paths: TaskPaths): number | undefined {
  const pid = Number(readFact(paths.pid))
  return Number.isInteger(pid) && pid > 0 ? pid : undefined
}

/** The process as `starttime` beside `pid` names it; undefined before both are there. */
export function readProcess(paths: TaskPaths): ProcessIdentity | undefined {
  const pid = readPid(paths)
  const startTicks = readFact(paths.startTime)
  return pid === undefined || startTicks === undefined ? undefined : { pid, startTicks }
}

export function readShim(paths: TaskPaths): ProcessIdentity | undefined {
  return readJson<ProcessIdentity>(paths.shim)
}

/** A file that is missing or damaged says nothing; a crash must not keep the supervisor from starting. */
export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFact(path) ?? '') as T
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
