/** The command line of `tallyd`. Flags are named as dockerd's where dockerd has one. */
import { join, resolve } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { badRequest, TallyError } from '../errors.ts'
import { apiSocketPath, type Roots, supervisorSocketPath } from '../paths.ts'
import type { InitOptions } from '../workers/init-program.ts'
import { defaultDataRoot, defaultExecRoot, socketPath } from './host.ts'

export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogLevel = (typeof logLevels)[number]

export const logDrivers = ['json-file', 'local', 'none'] as const
export type LogDriver = (typeof logDrivers)[number]

export interface DaemonOptions {
  readonly roots: Roots
  /** Absolute paths of the unix sockets to serve the API on, at least one. */
  readonly sockets: readonly string[]
  readonly pidFile: string
  readonly logLevel: LogLevel
  /** Binaries by name; `runc` is always there. */
  readonly runtimes: Readonly<Record<string, { readonly path: string }>>
  readonly defaultRuntime: string
  /** Socket of a supervisor in another process; absent: it runs inside the daemon. */
  readonly containerd?: string
  readonly cgroupParent: string
  readonly init: InitOptions
  /** What containers get that don't ask for a log driver themselves. */
  readonly log: { readonly driver: LogDriver; readonly options: Readonly<Record<string, string>> }
  /** Leave containers running when the daemon ends. */
  readonly liveRestore: boolean
  /** Seconds that stopping them may take; -1: for ever. */
  readonly shutdownTimeout: number
}

export interface SupervisorOptions {
  readonly roots: Roots
  /** Absolute path of the socket to serve gRPC on. */
  readonly socket: string
  readonly pidFile: string
  readonly logLevel: LogLevel
}

/** What the command line asks for: to run as one of both, or only to print and end. */
export type Invocation =
  | { readonly kind: 'daemon'; readonly options: DaemonOptions }
  | { readonly kind: 'supervisor'; readonly options: SupervisorOptions }
  | { readonly kind: 'print'; readonly text: string; readonly exitCode: number }

/** dockerd's exit code for a wrong command line. */
const usageError = 125

/** @param args without the interpreter and the script. */
export function parseTallyd(args: readonly string[], version: string): Invocation {
  const printed: string[] = []
  const invocations: Invocation[] = []
  const program = tallydCommand(version, (invocation) => invocations.push(invocation))
  for (const command of [program, ...program.commands]) printTo(command, (text) => printed.push(text))
  try {
    program.parse([...args], { from: 'user' })
    return invocations[0] ?? { kind: 'print', text: printed.join(''), exitCode: 0 }
  } catch (error) {
    return ending(error, printed.join(''))
  }
}

/** Neither prints nor ends the process by itself. */
const printTo = (command: Command, write: (text: string) => void): Command =>
  command.exitOverride().configureOutput({ writeOut: write, writeErr: write })

function ending(error: unknown, printed: string): Invocation {
  if (error instanceof CommanderError)
    return { kind: 'print', text: printed, exitCode: error.exitCode === 0 ? 0 : usageError }
  if (error instanceof TallyError)
    return { kind: 'print', text: `tallyd: ${error.message}\n`, exitCode: usageError }
  throw error
}

interface CommonFlags {
  readonly execRoot: string
  readonly pidfile?: string
  readonly logLevel: LogLevel
  readonly debug?: true
}

interface DaemonFlags extends CommonFlags {
  readonly host?: readonly string[]
  readonly dataRoot: string
  readonly defaultRuntime: string
  readonly addRuntime?: Readonly<Record<string, string>>
  readonly containerd?: string
  readonly cgroupParent: string
  readonly init?: true
  readonly initPath?: string
  readonly logDriver: LogDriver
  readonly logOpt?: Readonly<Record<string, string>>
  readonly liveRestore: boolean
  readonly shutdownTimeout: number
}

interface SupervisorFlags extends CommonFlags {
  readonly address?: string
}

function tallydCommand(version: string, answer: (invocation: Invocation) => void): Command {
  const program = new Command('tallyd')
    .description('A container engine that records every step of every container’s life.')
    .version(`Tallyman version ${version}`, '-v, --version')
    .enablePositionalOptions()
    .option('-H, --host <unix://PATH>', 'socket to serve the API on; may be repeated', collect)
    .option('--data-root <DIR>', 'what must survive a reboot', absolute, defaultDataRoot)
    .option('--default-runtime <NAME>', 'OCI runtime of containers that ask for none', 'runc')
    .option('--add-runtime <NAME=PATH>', 'a further OCI runtime; may be repeated', pair)
    .option('--containerd <SOCKET>', 'use the supervisor that serves this socket', absolute)
    .option('--cgroup-parent <PATH>', 'parent of the containers’ cgroups', '')
    .option('--init', 'run an init process in containers that say nothing about it')
    .option('--init-path <FILE>', 'the init process (default: docker-init or tini-static in PATH)', absolute)
    .addOption(driverOption())
    .option('--log-opt <KEY=VALUE>', 'option of the log driver; may be repeated', pair)
    .option('--live-restore [BOOLEAN]', 'leave containers running when the daemon ends', boolean, true)
    .option('--shutdown-timeout <SECONDS>', 'how long stopping them may take; -1: for ever', seconds, 15)
    .action((flags: DaemonFlags) => answer({ kind: 'daemon', options: daemonOptions(flags) }))
  addCommonOptions(program)
  const supervisor = program
    .command('supervisor')
    .description('Run the supervisor alone, for a daemon that is started with --containerd.')
    .option(
      '--address <SOCKET>',
      'socket to serve gRPC on (default: containerd.sock in the exec root)',
      absolute,
    )
    .action((flags: SupervisorFlags) => {
      refuseMisplaced(program)
      answer({ kind: 'supervisor', options: supervisorOptions(flags) })
    })
  addCommonOptions(supervisor)
  return program
}

/** @throws TallyError bad-request: the daemon's options before the word would be passed over in silence. */
function refuseMisplaced(program: Command): void {
  const given = program.options.find(
    (option) => program.getOptionValueSource(option.attributeName()) === 'cli',
  )
  if (given !== undefined) throw badRequest(`write ${given.long} after the word "supervisor"`)
}

function addCommonOptions(command: Command): void {
  command
    .option('--exec-root <DIR>', 'what is void after a reboot', absolute, defaultExecRoot)
    .option('-p, --pidfile <FILE>', 'where to write the process id (default: in the exec root)', absolute)
    .addOption(new Option('-l, --log-level <LEVEL>', 'what to log').choices(logLevels).default('info'))
    .option('-D, --debug', 'the same as --log-level debug')
}

const driverOption = (): Option =>
  new Option('--log-driver <NAME>', 'log driver of containers that ask for none')
    .choices(logDrivers)
    .default('json-file')

function daemonOptions(flags: DaemonFlags): DaemonOptions {
  const roots = { dataRoot: flags.dataRoot, execRoot: flags.execRoot }
  const hosts = flags.host ?? [`unix://${apiSocketPath(roots)}`]
  return {
    roots,
    sockets: [...new Set(hosts.map(socketPath))],
    pidFile: flags.pidfile ?? join(flags.execRoot, 'tallyd.pid'),
    logLevel: logLevel(flags),
    ...runtimeOptions(flags),
    ...(flags.containerd !== undefined && { containerd: flags.containerd }),
    cgroupParent: flags.cgroupParent,
    init: { always: flags.init ?? false, ...(flags.initPath !== undefined && { path: flags.initPath }) },
    log: { driver: flags.logDriver, options: flags.logOpt ?? {} },
    liveRestore: flags.liveRestore,
    shutdownTimeout: flags.shutdownTimeout,
  }
}

function supervisorOptions(flags: SupervisorFlags): SupervisorOptions {
  const roots = { dataRoot: defaultDataRoot, execRoot: flags.execRoot }
  return {
    roots,
    socket: flags.address ?? supervisorSocketPath(roots),
    pidFile: flags.pidfile ?? join(flags.execRoot, 'supervisor.pid'),
    logLevel: logLevel(flags),
  }
}

/** @throws TallyError bad-request for a default that nobody has added. */
function runtimeOptions({ addRuntime, defaultRuntime }: DaemonFlags) {
  const added = Object.entries(addRuntime ?? {}).map(([name, path]) => [name, { path }])
  const runtimes: DaemonOptions['runtimes'] = { runc: { path: 'runc' }, ...Object.fromEntries(added) }
  if (!Object.hasOwn(runtimes, defaultRuntime))
    throw badRequest(`default runtime "${defaultRuntime}" is unknown: add it with --add-runtime NAME=PATH`)
  return { runtimes, defaultRuntime }
}

const logLevel = ({ debug, logLevel }: CommonFlags): LogLevel => (debug === true ? 'debug' : logLevel)

const absolute = (path: string): string => resolve(path)

const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value]

/** The words are dockerd's. */
function boolean(text: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false
  throw new InvalidArgumentError('It must be true or false.')
}

function seconds(text: string): number {
  if (!/^(-1|\d{1,9})$/.test(text)) throw new InvalidArgumentError('It must be whole seconds, or -1.')
  return Number(text)
}

function pair(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, key, value] = /^([^=]+)=(.+)$/s.exec(text) ?? []
  if (key === undefined || value === undefined)
    throw new InvalidArgumentError('It must have the form NAME=VALUE.')
  return { ...earlier, [key]: value }
}
