/** A supervisor's surroundings under a temporary root: busybox bundles, and a look at what is left of them. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { systemClock } from '../../../src/clock.ts'
import { makeFifo } from '../../../src/kernel/fifo.ts'
import { bundlePath, runtimeRoot, supervisorRoot, supervisorSocketPath } from '../../../src/paths.ts'
import type { SupervisorOptions } from '../../../src/supervisor/local.ts'
import type { ExecSpec, TaskSpec } from '../../../src/supervisor/port.ts'

/** The part of config.json that tests change. */
export interface Config {
  process: { terminal: boolean; args: string[]; cwd: string; rlimits?: unknown }
  mounts: { destination: string }[]
  linux: {
    cgroupsPath: string
    namespaces: { type: string }[]
    resources: { memory?: { limit: number; swap: number } }
  }
  hooks?: { poststop: { path: string; args: string[] }[] }
}

export interface TaskOptions {
  readonly runtime?: string
  readonly adapt?: (config: Config) => void
}

export interface ExecOptions {
  readonly streams?: readonly ('stdin' | 'stdout' | 'stderr')[]
  readonly terminal?: boolean
}

const repository = join(import.meta.dirname, '../../..')
const applets = ['sh', 'sleep', 'true', 'echo', 'dd', 'cat', 'trap', 'kill', 'stty']

/** Builds the shim; does nothing if it is built. */
export function buildShim(): void {
  execFileSync('make', ['--silent', '-C', join(repository, 'src/shim'), 'all'])
}

export class World implements Disposable {
  readonly execRoot: string
  readonly options: SupervisorOptions
  readonly socket: string
  readonly #cgroupParent: string

  /** @param execRoot of a world that another process made. */
  constructor(execRoot = mkdtempSync(join(tmpdir(), 'supervisor-'))) {
    this.execRoot = execRoot
    const roots = { execRoot, dataRoot: execRoot }
    this.socket = supervisorSocketPath(roots)
    this.#cgroupParent = `/supervisor-test-${process.pid}`
    this.options = {
      root: supervisorRoot(roots),
      runtimeRoot: runtimeRoot(roots),
      shim: join(repository, 'build/tally-shim'),
      defaultRuntime: 'runc',
      logger: pino({ level: 'error' }),
      clock: systemClock,
    }
  }

  /** A new task, its bundle made; a script is run by the container's shell. */
  task(command: string | readonly string[], { runtime = 'runc', adapt }: TaskOptions = {}): TaskSpec {
    const id = randomBytes(32).toString('hex')
    const args = typeof command === 'string' ? ['sh', '-c', command] : command
    const bundle = bundlePath({ execRoot: this.execRoot, dataRoot: '' }, id)
    this.#makeBundle(bundle, (config) => {
      config.process.args = [...args]
      config.linux.cgroupsPath = `${this.#cgroupParent}/${id}`
      adapt?.(config)
    })
    const log = { driver: 'json-file', path: this.logPath(id), maxSize: 0, maxFile: 1 } as const
    return { id, runId: `run-${id.slice(0, 8)}`, bundle, stdio: {}, terminal: false, log, runtime }
  }

  /** A new exec in a task, with pipes for those of its streams that are named. */
  exec(
    { id, runId }: Pick<TaskSpec, 'id' | 'runId'>,
    command: string | readonly string[],
    { streams = [], terminal = false }: ExecOptions = {},
  ): ExecSpec {
    const execId = randomBytes(32).toString('hex')
    const args = typeof command === 'string' ? ['sh', '-c', command] : command
    const bundle = bundlePath({ execRoot: this.execRoot, dataRoot: '' }, id)
    const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as Config
    const stdio = Object.fromEntries(streams.map((name) => [name, join(bundle, `${execId}-${name}`)]))
    for (const path of Object.values(stdio)) makeFifo(path, 0o600)
    return { id, runId, execId, process: { ...config.process, args }, stdio, terminal }
  }

  /** An executable of the host that stands in for the runtime. */
  script(text: string): string {
    const path = join(this.execRoot, `runtime-${randomBytes(4).toString('hex')}`)
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    return path
  }

  logPath(id: string): string {
    return join(this.execRoot, `${id}-json.log`)
  }

  /** What the container wrote, without the log's frame. */
  output(id: string): string {
    const lines = readFileSync(this.logPath(id), 'utf8').split('\n').filter(Boolean)
    return lines.map((line) => (JSON.parse(line) as { log: string }).log).join('')
  }

  /** Absolute path of a file in the task's directory, or in an exec's. */
  file(id: string, name: string, execId = 'init'): string {
    return join(this.options.root, id, execId, name)
  }

  /** The task's groups, in every hierarchy. */
  cgroups(id: string): readonly string[] {
    return globSync([
      `/sys/fs/cgroup/*${this.#cgroupParent}/${id}*`,
      `/sys/fs/cgroup${this.#cgroupParent}/${id}*`,
    ])
  }

  /** Everything that names the task: directories, groups, mounts, processes. */
  remains(id: string): readonly string[] {
    const places = [join(this.options.root, id), join(this.options.runtimeRoot, id)]
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    return [
      ...places.filter((path) => existsSync(path)),
      ...this.cgroups(id),
      ...mounts.filter((line) => line.includes(id)),
      ...processesNaming(id),
    ]
  }

  [Symbol.dispose](): void {
    rmSync(this.execRoot, { recursive: true, force: true })
    for (const group of globSync([
      `/sys/fs/cgroup/*${this.#cgroupParent}`,
      `/sys/fs/cgroup${this.#cgroupParent}`,
    ]))
      rmdirSync(group)
  }

  #makeBundle(bundle: string, adapt: (config: Config) => void): void {
    const bin = join(bundle, 'rootfs/bin')
    for (const name of ['proc', 'dev']) mkdirSync(join(bundle, 'rootfs', name), { recursive: true })
    mkdirSync(bin)
    copyFileSync('/bin/busybox', join(bin, 'busybox'))
    for (const name of applets) symlinkSync('busybox', join(bin, name))
    const config = this.#defaultConfig()
    config.process.terminal = false
    delete config.process.rlimits
    config.mounts = config.mounts.filter(({ destination }) =>
      ['/proc', '/dev', '/dev/pts'].includes(destination),
    )
    adapt(config)
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(config))
  }

  /** What `runc spec` writes. */
  #defaultConfig(): Config {
    const path = join(this.execRoot, 'config.json')
    if (!existsSync(path)) execFileSync('runc', ['spec'], { cwd: this.execRoot })
    return JSON.parse(readFileSync(path, 'utf8')) as Config
  }
}

function processesNaming(id: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => `${pid} ${commandLine(pid)}`)
    .filter((line) => line.includes(id))
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
