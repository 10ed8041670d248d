/** The lives that are recorded: each makes one container, named as the life is, and leads it through something that happens to containers. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runtimeRoot } from '../../src/paths.ts'
import { ApiClient } from '../e2e/api-client.ts'
import type { Daemon } from '../e2e/daemon.ts'
import { reboot } from './reboot.ts'

export type Live = (daemon: Daemon, name: string) => Promise<void>

const program = (script: string): readonly string[] => ['bb', 'sh', '-c', script]
const patient = program('trap "exit 5" TERM; while true; do sleep 0.1; done')
const eat = 'x=a; while true; do x=$x$x; done'

/** Steps after which the daemon is killed; the next one goes on from there. */
const crashPoints = {
  'crash-after-mount': 'append.RootfsMounted.after',
  'crash-before-bundle-is-recorded': 'perform.prepareBundle.after',
  'crash-before-shim-is-recorded': 'perform.startShim.after',
  'crash-before-pid-is-recorded': 'perform.awaitPid.after',
  'crash-before-start-is-recorded': 'perform.startProcess.after',
  'crash-while-releasing': 'undo.startShim.before',
} as const

const ordinary: Readonly<Record<string, Live>> = {
  success: async (daemon, name) => {
    await run(daemon, name, 'bb', 'true')
    await daemon.docker('rm', name)
  },
  'exit-code-twice': async (daemon, name) => {
    await run(daemon, name, ...program('exit 3'))
    await daemon.docker('start', '-a', name)
  },
  'command-not-found': (daemon, name) => run(daemon, name, 'bb', 'nosuchcmd'),
  'command-not-executable': (daemon, name) => run(daemon, name, 'bb', '/etc'),
  'mount-failed': loseLayer,
  'bundle-failed': loseBindSource,
  stop: async (daemon, name) => {
    await run(daemon, name, '-d', ...patient)
    await daemon.docker('stop', name)
  },
  'stop-signal': async (daemon, name) => {
    const script = 'trap "exit 6" USR1; while true; do sleep 0.1; done'
    await run(daemon, name, '-d', '--stop-signal', 'USR1', ...program(script))
    await daemon.docker('stop', name)
  },
  'stop-times-out': async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    await daemon.docker('stop', '-t', '1', name)
  },
  'process-does-not-die': holdUpDeath,
  kill: async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    await daemon.docker('kill', '-s', 'USR2', name)
    await daemon.docker('kill', name)
  },
  restart: async (daemon, name) => {
    await run(daemon, name, '-d', ...patient)
    await daemon.docker('restart', name)
    await daemon.docker('kill', name)
    await daemon.docker('restart', name)
    await daemon.docker('stop', '-t', '0', name)
  },
  'pause-and-resume': async (daemon, name) => {
    await run(daemon, name, '-d', ...patient)
    await freeze(daemon, name, 'pause')
    await freeze(daemon, name, 'resume')
    await freeze(daemon, name, 'pause')
    await daemon.docker('stop', name)
  },
  'paused-while-daemon-was-away': async (daemon, name) => {
    await run(daemon, name, '-d', ...patient)
    const id = await idOf(daemon, name)
    await daemon.end('SIGKILL')
    execFileSync('runc', ['--root', runtimeRoot(daemon), 'pause', id])
    await daemon.start()
    await daemon.docker('kill', name)
  },
  'out-of-memory': (daemon, name) => run(daemon, name, '-m', '16m', ...program(eat)),
  'out-of-memory-in-a-child': (daemon, name) =>
    run(daemon, name, '-m', '16m', ...program(`sh -c '${eat}'; exit 4`)),
  rename: async (daemon, name) => {
    await daemon.docker('create', '--network', 'none', '--name', name, 'bb', 'true')
    await daemon.docker('rename', name, `${name}d`)
    await daemon.docker('start', '-a', `${name}d`)
  },
  'remove-running': async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    await daemon.docker('rm', '-f', name)
  },
  'remove-never-started': async (daemon, name) => {
    await daemon.docker('create', '--network', 'none', '--name', name, 'bb')
    await daemon.docker('rm', '-v', name)
  },
  'auto-remove': (daemon, name) => run(daemon, name, '--rm', ...program('exit 2')),
  'signal-failed': async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    await restart(daemon, 'perform.sendSignal.before:1:error')
    await daemon.docker('kill', '-s', 'USR1', name)
    await daemon.docker('kill', name)
  },
  'start-failed': async (daemon, name) => {
    await restart(daemon, 'perform.startProcess.before:1:error')
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
  },
  'pause-by-command': async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    await daemon.docker('pause', name)
    await daemon.docker('unpause', name)
    await daemon.docker('pause', name)
    await daemon.docker('kill', name)
  },
  'pause-failed': async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    await restart(daemon, 'perform.pause.before:1:error')
    await daemon.docker('pause', name)
    await daemon.docker('kill', name)
  },
  'resume-failed': async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    await restart(daemon, 'perform.resume.before:1:error')
    await daemon.docker('pause', name)
    await daemon.docker('unpause', name)
    await daemon.docker('kill', name)
  },
  update: async (daemon, name) => {
    await daemon.docker('create', '--network', 'none', '--name', name, 'bb', 'sleep', '1000')
    await daemon.docker('update', '-m', '64m', '--memory-swap', '64m', name)
    await daemon.docker('start', name)
    await daemon.docker('update', '--cpu-shares', '512', name)
    await daemon.docker('kill', name)
  },
  'update-refused': async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    await restart(daemon, 'perform.applyLimits.before:1:error')
    await daemon.docker('update', '--cpu-shares', '512', name)
    await daemon.docker('kill', name)
  },
  'restart-on-failure': async (daemon, name) => {
    await run(daemon, name, '-d', '--restart', 'on-failure:2', ...program('exit 4'))
    await recordedTimes(daemon, name, { type: 'Released', times: 3 })
  },
  'restart-always-until-stopped': async (daemon, name) => {
    await run(daemon, name, '-d', '--restart', 'always', ...program('exit 0'))
    await recordedTimes(daemon, name, { type: 'Released', times: 3 })
    await daemon.docker('stop', name)
    await restart(daemon)
    await recordedTimes(daemon, name, { type: 'StartRequested', times: 2 })
    await daemon.docker('rm', '-f', name)
  },
  files: async (daemon, name) => {
    const [copied, exported] = [join(daemon.root, 'copied'), join(daemon.root, 'exported.tar')]
    await run(daemon, name, '-d', ...patient)
    await daemon.docker('cp', `${name}:/etc/passwd`, copied)
    await daemon.docker('cp', copied, `${name}:/tmp/copied`)
    await daemon.docker('export', '-o', exported, name)
    await daemon.docker('commit', name, 'recorded')
    await daemon.docker('kill', name)
  },
  terminal: async (daemon, name) => {
    await run(daemon, name, '-d', '-i', '-t', 'bb', 'cat')
    await leaveTerminal(daemon, name)
    await daemon.docker('kill', name)
  },
  'stop-while-starting': (daemon, name) => interrupt(daemon, name, 'prepareBundle', ['stop']),
  'kill-while-starting': (daemon, name) => interrupt(daemon, name, 'awaitPid', ['kill']),
  'remove-while-starting': (daemon, name) => interrupt(daemon, name, 'startProcess', ['rm', '-f']),
  'exit-while-daemon-was-away': async (daemon, name) => {
    await run(daemon, name, '-d', ...program('sleep 1; exit 4'))
    await daemon.end('SIGKILL')
    await sleep(2000)
    await daemon.start()
    await daemon.docker('wait', name)
  },
  'stop-across-a-crash': async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    const asked = daemon.docker('stop', '-t', '3', name)
    await recorded(daemon, name, 'SignalSent')
    await daemon.end('SIGKILL')
    await asked
    await daemon.start()
    await daemon.docker('wait', name)
  },
  'shim-killed': async (daemon, name) => {
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    process.kill(await shimOf(daemon, name), 'SIGKILL')
    await daemon.docker('wait', name)
  },
  'stopped-by-shutdown': async (daemon, name) => {
    await run(daemon, name, '-d', ...patient)
    await daemon.end()
    daemon.change({ flags: ['--live-restore=false'] })
    await daemon.start()
    await daemon.end()
    daemon.change({ flags: [] })
    await daemon.start()
  },
}

const crashes = Object.entries(crashPoints).map(([name, point]): [string, Live] => [
  name,
  async (daemon) => {
    await restart(daemon, `${point}:1:kill`)
    await run(daemon, name, ...program('exit 3'))
    await restart(daemon)
    await daemon.docker('wait', name)
  },
])

/** The last ones, because what else runs would not survive the reboot. Both wait for it. */
const overtaken: Readonly<Record<string, Live>> = {
  'reboot-while-running': (daemon, name) => run(daemon, name, '-d', 'bb', 'sleep', '1000'),
  'reboot-while-starting': async (daemon, name) => {
    await restart(daemon, 'append.PidRecorded.after:1:kill')
    await run(daemon, name, '-d', 'bb', 'sleep', '1000')
    await reboot(daemon)
    await daemon.docker('rm', name)
  },
}

/** In the order in which they have to happen. */
export const lives: Readonly<Record<string, Live>> = {
  ...ordinary,
  ...Object.fromEntries(crashes),
  ...overtaken,
}

async function run(daemon: Daemon, name: string, ...args: readonly string[]): Promise<void> {
  await daemon.docker('run', '--network', 'none', '--name', name, ...args)
}

/** The daemon is away and comes back, with something that will go wrong. */
async function restart(daemon: Daemon, fault = ''): Promise<void> {
  await daemon.end()
  daemon.change({ environment: { TALLY_FAULT: fault } })
  await daemon.start()
}

interface Told {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

async function history(daemon: Daemon, name: string): Promise<readonly Told[]> {
  const { stdout } = await daemon.tally('history', '--json', name)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told)
}

/** Waits until an event of this type is in the log. */
async function recorded(daemon: Daemon, name: string, type: string): Promise<Told> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const found = (await history(daemon, name)).findLast((event) => event.type === type)
    if (found !== undefined) return found
    await sleep(50)
  }
  throw new Error(`${name}: ${type} was not recorded: ${daemon.log()}`)
}

interface Times {
  readonly type: string
  readonly times: number
}

/** Waits until so many events of this type are in the log. */
async function recordedTimes(daemon: Daemon, name: string, { type, times }: Times): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const found = (await history(daemon, name)).filter((event) => event.type === type)
    if (found.length >= times) return
    await sleep(50)
  }
  throw new Error(`${name}: ${type} was not recorded ${times} times: ${daemon.log()}`)
}

const idOf = async (daemon: Daemon, name: string): Promise<string> =>
  (await daemon.docker('inspect', '--format', '{{.Id}}', name)).stdout.trim()

async function shimOf(daemon: Daemon, name: string): Promise<number> {
  return Number((await recorded(daemon, name, 'ShimStarted')).data.shimPid)
}

/** As another client of the supervisor does. */
async function freeze(daemon: Daemon, name: string, command: 'pause' | 'resume'): Promise<void> {
  await daemon.ctr('tasks', command, await idOf(daemon, name))
  await recorded(daemon, name, command === 'pause' ? 'Paused' : 'Resumed')
}

/** A command comes while one step of the start takes long. */
async function interrupt(
  daemon: Daemon,
  name: string,
  step: string,
  command: readonly string[],
): Promise<void> {
  await restart(daemon, `perform.${step}.before:1:delay=3000`)
  const started = run(daemon, name, '-d', 'bb', 'sleep', '1000')
  await recorded(daemon, name, 'StartRequested')
  await sleep(1000)
  await daemon.docker(...command, name)
  await started
}

/** Sizes the terminal and leaves it by the detach keys. */
async function leaveTerminal(daemon: Daemon, name: string): Promise<void> {
  using api = new ApiClient(daemon.socket)
  await api.ask('POST', `/containers/${name}/resize?h=24&w=80`)
  const socket = createConnection(daemon.socket)
  socket.write(`POST /containers/${name}/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: d\r\n\r\n\x10\x11`)
  await recorded(daemon, name, 'Detached')
  socket.destroy()
}

/** A shim that stands still reports no exit. */
async function holdUpDeath(daemon: Daemon, name: string): Promise<void> {
  await run(daemon, name, '-d', 'bb', 'sleep', '1000')
  const shim = await shimOf(daemon, name)
  process.kill(shim, 'SIGSTOP')
  await daemon.docker('stop', '-t', '0', name)
  process.kill(shim, 'SIGCONT')
  await daemon.docker('wait', name)
}

async function loseLayer(daemon: Daemon, name: string): Promise<void> {
  await daemon.docker('create', '--network', 'none', '--name', name, 'bb', 'true')
  const { spec } = (await recorded(daemon, name, 'ContainerCreated')).data
  const [layer = ''] = (spec as { readonly image: { readonly layers: readonly string[] } }).image.layers
  const place = join(daemon.dataRoot, 'overlay2', layer, 'diff')
  renameSync(place, `${place}.away`)
  await daemon.docker('start', name)
  renameSync(`${place}.away`, place)
  await daemon.docker('start', '-a', name)
}

async function loseBindSource(daemon: Daemon, name: string): Promise<void> {
  const source = join(daemon.root, 'source')
  mkdirSync(source)
  const mount = ['--mount', `type=bind,source=${source},target=/mnt`]
  await daemon.docker('create', '--network', 'none', ...mount, '--name', name, 'bb', 'true')
  rmSync(source, { recursive: true })
  await daemon.docker('start', name)
}
