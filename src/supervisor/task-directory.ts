/**
 * A task's directory, `<supervisor-root>/<id>/init`, and beside it one for each exec, named by its id: the names of their files, how they are
 * made and how they are read back.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { badRequest } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import { makeFifo } from '../kernel/fifo.ts'
import { bootId } from '../kernel/host.ts'
import type { ExecSpec, ExitStatus, ProcessIdentity, TaskSpec } from './port.ts'

/** What is needed to take over a task after this process was killed: `task.json`. */
export interface TaskRecord extends TaskSpec {
  /** `linux.cgroupsPath` of the bundle's config.json. */
  readonly cgroupsPath: string | null
  /** The first word of the process's arguments; Docker's exit codes depend on whether an error names it. */
  readonly command: string
  /** Of the host's boot that it belongs to: after another one, processes of the same pids and start times are others. */
  readonly bootId?: string
}

/** What is needed to take over an exec: `exec.json`. The process itself is in `process.json`. */
export interface ExecRecord extends Omit<ExecSpec, 'process'> {
  readonly command: string
  readonly runtime: string
}

/** Of what every shim has; absolute. */
export interface ShimPaths {
  readonly directory: string
  readonly control: string
  readonly exit: string
  readonly process: string
  readonly record: string
  readonly shim: string
  readonly pid: string
  readonly startTime: string
  readonly runtimeLog: string
  readonly shimLog: string
  readonly exitStatus: string
}

export interface TaskPaths extends ShimPaths {
  /** The container's directory, which also holds those of its execs. */
  readonly home: string
  readonly started: string
  readonly oom: string
  /** What it was last updated with. */
  readonly resources: string
}

const firstProcess = 'init'

/** @throws TallyError bad-request for an id that would lead out of the supervisor's root. */
export function taskPaths(root: string, id: string): TaskPaths {
  if (!isFileName(id)) throw badRequest(`invalid task id: ${JSON.stringify(id)}`)
  const home = join(root, id)
  const directory = join(home, firstProcess)
  const paths = shimPaths(directory, 'task.json')
  return {
    ...paths,
    home,
    started: join(directory, 'started'),
    oom: join(directory, 'oom'),
    resources: join(directory, 'resources.json'),
  }
}

/** @throws TallyError bad-request for an id that would lead elsewhere. */
export function execPaths({ home }: Pick<TaskPaths, 'home'>, execId: string): ShimPaths {
  if (!isFileName(execId) || execId === firstProcess)
    throw badRequest(`invalid exec id: ${JSON.stringify(execId)}`)
  return shimPaths(join(home, execId), 'exec.json')
}

/** The names of the directories beside `init`. */
export function execIds({ home }: Pick<TaskPaths, 'home'>): readonly string[] {
  return readdirSync(home).filter((name) => name !== firstProcess)
}

const isFileName = (id: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id)

function shimPaths(directory: string, record: string): ShimPaths {
  return {
    directory,
    control: join(directory, 'control'),
    exit: join(directory, 'exit'),
    process: join(directory, 'process.json'),
    record: join(directory, record),
    shim: join(directory, 'shim'),
    pid: join(directory, 'pid'),
    startTime: join(directory, 'starttime'),
    runtimeLog: join(directory, 'log.json'),
    shimLog: join(directory, 'shim-log.json'),
    exitStatus: join(directory, 'exit-status'),
  }
}

/** What the supervisor reads of a bundle's config.json. */
export interface BundleConfig {
  readonly process: { readonly args?: readonly string[] }
  readonly linux?: { readonly cgroupsPath?: string }
}

export function makeTaskDirectory(paths: TaskPaths, task: TaskSpec, config: BundleConfig): TaskRecord {
  const record: TaskRecord = {
    ...task,
    cgroupsPath: config.linux?.cgroupsPath ?? null,
    command: config.process.args?.[0] ?? '',
    bootId: bootId(),
  }
  makeDirectory(paths, config.process, record)
  return record
}

export function makeExecDirectory(paths: ShimPaths, exec: ExecSpec, runtime: string): ExecRecord {
  const { process, ...spec } = exec
  const record: ExecRecord = { ...spec, command: process.args?.[0] ?? '', runtime }
  const console = exec.consoleSize === undefined ? {} : { consoleSize: exec.consoleSize }
  makeDirectory(paths, { ...process, terminal: exec.terminal, ...console }, record)
  return record
}

/** Makes the directory, the two fifos, `process.json` and the record, which comes last: a directory that has one is whole. */
function makeDirectory(paths: ShimPaths, process: object, record: object): void {
  rmSync(paths.directory, { recursive: true, force: true })
  mkdirSync(paths.directory, { recursive: true, mode: 0o700 })
  makeFifo(paths.control, 0o600)
  makeFifo(paths.exit, 0o600)
  writeFact(paths.process, JSON.stringify(process))
  writeFact(paths.record, JSON.stringify(record))
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

export function readTaskRecord(paths: TaskPaths): TaskRecord | undefined {
  return readJson<TaskRecord>(paths.record)
}

export function readExecRecord(paths: ShimPaths): ExecRecord | undefined {
  return readJson<ExecRecord>(paths.record)
}

export function readExitStatus(paths: ShimPaths): ExitStatus | undefined {
  return readJson<ExitStatus>(paths.exitStatus)
}

/** The pid that `runc create --pid-file` wrote. */
export function readPid(paths: ShimPaths): number | undefined {
  const pid = Number(readFact(paths.pid))
  return Number.isInteger(pid) && pid > 0 ? pid : undefined
}

/** The process as `starttime` beside `pid` names it; undefined before both are there. */
export function readProcess(paths: ShimPaths): ProcessIdentity | undefined {
  const pid = readPid(paths)
  const startTicks = readFact(paths.startTime)
  return pid === undefined || startTicks === undefined ? undefined : { pid, startTicks }
}

export function readShim(paths: ShimPaths): ProcessIdentity | undefined {
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
