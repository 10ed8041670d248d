/** A tallyd of a test's own: temporary roots (the exec root on a tmpfs, as /run is one), its own network namespace, and a docker CLI that talks to it. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiClient } from './api-client.ts'
import { type CliResult, importBusybox, mountedBelow, removeContainers } from './surroundings.ts'

const project = resolve(import.meta.dirname, '../..')

export interface DaemonOptions {
  /** Supervisor in a process of its own. */
  readonly twoProcesses?: boolean
  readonly flags?: readonly string[]
  /** Folder of the build to run; default: this one. */
  readonly build?: string
  readonly environment?: Readonly<Record<string, string>>
  /** A command that is given tallyd's command line and has to exec it. */
  readonly wrapper?: readonly string[]
}

export class Daemon {
  readonly root: string
  readonly name: string
  readonly socket: string
  #options: DaemonOptions
  #tallyd: ChildProcess | undefined
  #supervisor: ChildProcess | undefined

  constructor(options: DaemonOptions = {}) {
    this.#options = options
    this.root = mkdtempSync(join(process.env.TALLY_TEST_ROOT ?? tmpdir(), 'tally-e2e-'))
    this.name = this.root.slice(-6).toLowerCase()
    this.socket = join(this.root, 'docker.sock')
    mkdirSync(this.execRoot, { mode: 0o711 })
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=711', 'tmpfs', this.execRoot])
    execFileSync('ip', ['netns', 'add', this.namespace])
    execFileSync('ip', ['-n', this.namespace, 'link', 'set', 'lo', 'up'])
  }

  get namespace(): string {
    return `tally-${this.name}`
  }

  get dataRoot(): string {
    return join(this.root, 'data')
  }

  get execRoot(): string {
    return join(this.root, 'exec')
  }

  get pid(): number {
    return this.#tallyd?.pid ?? 0
  }

  /** 0: it never ran. */
  get supervisorPid(): number {
    return this.#supervisor?.pid ?? 0
  }

  get supervisorSocket(): string {
    return join(this.execRoot, 'containerd.sock')
  }

  /** From the next start on. */
  change(options: DaemonOptions): void {
    this.#options = { ...this.#options, ...options }
  }

  async start(): Promise<this> {
    try {
      await this.launch()
      return this
    } catch (error) {
      await this.destroy()
      throw error
    }
  }

  /** As `start`, for a daemon that may well die of it: everything is left as it is then. */
  async launch(): Promise<void> {
    if (this.#options.twoProcesses === true) await this.startSupervisor()
    const remote = this.#options.twoProcesses === true ? ['--containerd', this.supervisorSocket] : []
    const own = [
      '--data-root',
      this.dataRoot,
      '--cgroup-parent',
      `/${this.namespace}`,
      ...this.#execRootFlags,
    ]
    const flags = ['-H', `unix://${this.socket}`, ...own, ...remote, ...(this.#options.flags ?? [])]
    this.#tallyd = this.#launch(flags)
    await this.#until(() => existsSync(this.socket) && this.#answers(), this.#tallyd)
  }

  /** One that runs already stays: it outlives tallyd. */
  async startSupervisor(): Promise<void> {
    if (this.#supervisor !== undefined && isRunning(this.#supervisor)) return
    this.#supervisor = this.#launch(['supervisor', ...this.#execRootFlags])
    await this.#until(() => existsSync(this.supervisorSocket), this.#supervisor)
  }

  /** Ends tallyd (not the containers). */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    return endProcess(this.#tallyd, signal)
  }

  async endSupervisor(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    return endProcess(this.#supervisor, signal)
  }

  docker(...args: readonly string[]): Promise<CliResult> {
    return run('docker', ['-H', `unix://${this.socket}`, ...args])
  }

  /** The docker CLI with something on its stdin. */
  dockerWithInput(input: string | Buffer, ...args: readonly string[]): Promise<CliResult> {
    return run('docker', ['-H', `unix://${this.socket}`, ...args], input)
  }

  tally(...args: readonly string[]): Promise<CliResult> {
    return run(join(project, 'bin/tally'), ['-H', `unix://${this.socket}`, ...args])
  }

  ctr(...args: readonly string[]): Promise<CliResult> {
    return run('ctr', ['-a', this.supervisorSocket, '-n', 'moby', ...args])
  }

  /** Makes the image `bb`. */
  importBusybox(): Promise<void> {
    return importBusybox(this)
  }

  /** Removes all containers, ends the daemon and gives back everything the test took. */
  async destroy(): Promise<void> {
    await removeContainers(this)
    await this.end()
    await this.endSupervisor()
    execFileSync('ip', ['netns', 'del', this.namespace])
    const mounted = this.mounts().reverse()
    for (const target of mounted) execFileSync('umount', ['-l', target])
    rmSync(this.root, { recursive: true, force: true })
    const leaked = mounted.filter((target) => /\/(merged|shm)$/.test(target))
    if (leaked.length > 0)
      throw new Error(`still mounted after all containers were removed: ${leaked.join()}`)
  }

  /** What is mounted below the daemon's roots, the roots themselves aside. */
  mounts(): string[] {
    return mountedBelow(this.root)
  }

  log(): string {
    return readFileSync(join(this.root, 'tallyd.log'), 'utf8')
  }

  get #execRootFlags(): readonly string[] {
    return ['--exec-root', this.execRoot]
  }

  #launch(flags: readonly string[]): ChildProcess {
    const { build = project, environment = {}, wrapper = [] } = this.#options
    const tallyd = [...wrapper, join(build, 'bin/tallyd'), ...flags]
    const command = [`--net=/run/netns/${this.namespace}`, '--', ...tallyd]
    const log = join(this.root, 'tallyd.log')
    const options = { stdio: 'ignore', env: { ...process.env, ...environment } } as const
    return spawn('sh', ['-c', `exec nsenter "$@" >>${log} 2>&1`, 'sh', ...command], options)
  }

  async #answers(): Promise<boolean> {
    using api = new ApiClient(this.socket)
    try {
      return (await api.send('GET', '/_ping')).status === 200
    } catch {
      return false
    }
  }

  async #until(ready: () => boolean | Promise<boolean>, child: ChildProcess): Promise<void> {
    for (let attempt = 0; attempt < 1_200; attempt += 1) {
      if (!isRunning(child))
        throw new Error(`daemon ended with ${child.exitCode ?? child.signalCode}: ${this.log()}`)
      if (await ready()) return
      await sleep(50)
    }
    throw new Error(`daemon does not answer: ${this.log()}`)
  }
}

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null

function endProcess(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<number | null> {
  if (child === undefined || !isRunning(child)) return Promise.resolve(child?.exitCode ?? null)
  return new Promise((done) => {
    child.once('exit', (code) => done(code))
    child.kill(signal)
  })
}

export function run(command: string, args: readonly string[], input?: string | Buffer): Promise<CliResult> {
  return new Promise((done) => {
    const options = {
      maxBuffer: 256 * 1024 * 1024,
      env: { ...process.env, DOCKER_CONTEXT: '', DOCKER_HOST: '' },
    }
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? 1)
      done({ code, stdout, stderr })
    })
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}
