/** What is done to a container so that a fault point is reached. A fault may have changed everything before any step: none relies on another. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectSupervisor } from '../../src/supervisor/grpc/client.ts'
import type { Supervisor } from '../../src/supervisor/port.ts'
import type { Daemon } from '../e2e/daemon.ts'
import { shutDown } from '../replay/reboot.ts'
import type { Drive } from './drive.ts'

export type ScenarioName = keyof typeof scenarios

/** Ends by itself with this code when it is asked to. */
export const politeCode = 5

const waiting = `trap "exit ${politeCode}" TERM; echo ready; while :; do sleep 1 & wait $!; done`
const polite = ['sh', '-c', waiting]
const talkative = ['sh', '-c', `i=0; while [ $i -lt 100 ]; do echo "line $i"; i=$((i + 1)); done; ${waiting}`]
const reading = ['sh', '-c', `cat; ${waiting}`]
const stubborn = ['sleep', '1000']
const greedy = ['sh', '-c', 'x=a; while :; do x=$x$x; done']

export interface Stage {
  readonly drive: Drive
  /** For the scenario that is not reached by an armed daemon: asks for the fault. */
  readonly arm: () => void
  /** Waits for the point to be reached, though not for ever, where nothing else tells that it was. */
  readonly struck: () => Promise<unknown>
  /** Of a daemon that is started anew. */
  readonly environment: Readonly<Record<string, string>>
}

export const scenarios = {
  life: async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.step('stop')
    await drive.step('start')
    await drive.step('kill')
    await drive.step('remove')
  },
  'one run': async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.step('stop')
  },
  rename: async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('rename', '?name=other')
  },
  'failing start': async ({ drive }: Stage) => {
    await drive.create(['no-such-command'])
    await drive.step('start')
    await drive.step('remove')
  },
  stubborn: async ({ drive }: Stage) => {
    await drive.create(stubborn)
    await drive.step('start')
    await drive.step('stop', '?t=1')
  },
  stuck: async ({ drive }: Stage) => {
    await drive.create(stubborn)
    await drive.step('start')
    const resume = holdShim(await shimOf(drive))
    await drive.otherwise(() => drive.send('stop', '?t=0').finally(resume))
  },
  restart: async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.step('restart')
    await drive.step('stop')
  },
  'late signal': async ({ drive }: Stage) => {
    await drive.create(stubborn)
    await drive.step('start')
    await late(drive, () => drive.send('kill', '?signal=USR1'))
  },
  freeze: async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.step('pause')
    await drive.step('unpause')
    await drive.step('stop')
  },
  'late pause': async ({ drive }: Stage) => {
    await drive.create(stubborn)
    await drive.step('start')
    await late(drive, () => drive.send('pause', ''))
  },
  'late resume': async ({ drive }: Stage) => {
    await drive.create(stubborn)
    await drive.step('start')
    await drive.step('pause')
    await late(drive, () => drive.send('unpause', ''))
  },
  'new limits': async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => changeLimits(drive))
    await drive.step('stop')
  },
  'late limits': async ({ drive }: Stage) => {
    await drive.create(stubborn)
    await drive.step('start')
    await late(drive, () => changeLimits(drive))
  },
  policy: async ({ drive }: Stage) => {
    const RestartPolicy = { Name: 'on-failure', MaximumRetryCount: 2 }
    await drive.create(['sh', '-c', `exit ${politeCode}`], { RestartPolicy })
    await drive.otherwise(() => drive.send('start', ''))
    await drive.otherwise(() =>
      drive.until((life) => life.matches('exited') || life.matches('failed'), 15_000),
    )
  },
  'out of memory': async ({ drive }: Stage) => {
    await drive.create(greedy, { Memory: 16 << 20 })
    await drive.step('start')
    await drive.otherwise(() => drive.until((life) => !life.matches('running')))
  },
  reboot: async ({ drive, environment }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => bootAgain(drive.daemon, environment))
  },
  takeover: async ({ drive, arm }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => takeOver(drive.daemon, arm))
    await drive.step('stop')
  },
  'lost shim': async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(async () => killIfThere(await shimOf(drive), 'SIGKILL'))
    await drive.otherwise(() => drive.until((life) => !life.matches('running')))
  },
  'forced removal': async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.step('remove', '?force=1')
  },
  attach: async ({ drive, struck }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => attach(drive).then(struck))
    await drive.step('stop')
  },
  files: async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.otherwise(() => useFiles(drive))
    await drive.step('start')
    await drive.otherwise(() => useFiles(drive))
    await drive.step('stop')
  },
  top: async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => drive.ask('GET', `/containers/${drive.id}/top`))
    await drive.step('stop')
  },
  typing: async ({ drive, struck }: Stage) => {
    await drive.create(reading, {}, { OpenStdin: true, StdinOnce: true })
    await drive.step('start')
    await drive.otherwise(() => type(drive).then(struck))
    await drive.step('stop')
  },
  volumes: async ({ drive }: Stage) => {
    const asked = { Binds: ['kept:/kept'] }
    await drive.create(polite, asked, { Volumes: { '/etc': {}, '/new': {} } })
    await drive.step('start')
    await drive.otherwise(() => drive.ask('POST', '/volumes/create', '{"Name":"kept"}'))
    await drive.step('stop')
    await drive.step('remove', '?v=1')
    await drive.otherwise(() => drive.ask('DELETE', '/volumes/kept'))
    await drive.otherwise(() => drive.ask('POST', '/volumes/prune'))
  },
  'long log': async ({ drive }: Stage) => {
    const Config = { 'max-size': '1k', 'max-file': '2' }
    await drive.create(talkative, { LogConfig: { Type: 'json-file', Config } })
    await drive.step('start')
    await drive.step('stop')
  },
  terminal: async ({ drive }: Stage) => {
    await drive.create(polite, {}, { Tty: true, OpenStdin: true })
    await drive.step('start')
    await drive.otherwise(() => asSupervisor(drive, (of) => of.resize(drive.id, { width: 100, height: 40 })))
    await drive.otherwise(() => useTerminal(drive))
    await drive.step('stop')
  },
  update: async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => asSupervisor(drive, (of) => of.update(drive.id, { pids: { limit: 99 } })))
    await drive.step('stop')
  },
  exec: async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => exec(drive, ['true']))
    await drive.otherwise(() => drive.daemon.docker('exec', drive.id, 'true'))
    await drive.step('stop')
  },
  'failing exec': async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => exec(drive, ['no-such-command']))
    await drive.step('stop')
  },
  'exec at a terminal': async ({ drive, struck }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => leaveExec(drive).then(struck))
    await drive.step('stop')
  },
  'wide signal': async ({ drive }: Stage) => {
    await drive.create(polite)
    await drive.step('start')
    await drive.otherwise(() => drive.daemon.ctr('tasks', 'kill', '--all', '--signal', 'SIGCONT', drive.id))
    await drive.step('stop')
  },
} as const

async function shimOf(drive: Drive): Promise<number> {
  return (await drive.life()).context.run?.shim?.pid ?? 0
}

/** A shim that stands still reports no exit. @returns what lets it go on. */
function holdShim(pid: number): () => void {
  killIfThere(pid, 'SIGSTOP')
  return () => killIfThere(pid, 'SIGCONT')
}

export function killIfThere(pid: number, signal: NodeJS.Signals): boolean {
  if (pid <= 0) return false
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** Something that comes when the process has been killed and its end is not yet reported. */
async function late(drive: Drive, work: () => Promise<unknown>): Promise<void> {
  const resume = holdShim(await shimOf(drive))
  const pid = (await drive.life()).context.run?.process?.pid ?? 0
  drive.hasKilled = true
  killIfThere(pid, 'SIGKILL')
  thaw(drive)
  await ended(pid)
  await drive.otherwise(() => work().finally(resume))
}

/** On cgroup v1 a frozen process does not die before it is thawed, cgroups(7). */
function thaw({ daemon, id }: Drive): void {
  const state = join('/sys/fs/cgroup/freezer', daemon.namespace, id, 'freezer.state')
  if (existsSync(state)) writeFileSync(state, 'THAWED')
}

const changeLimits = (drive: Drive): Promise<unknown> =>
  drive.ask('POST', `/containers/${drive.id}/update`, JSON.stringify({ CpuShares: 512 }))

/** Until the process is a zombie, if its parent stands still, or gone. */
async function ended(pid: number): Promise<void> {
  const state = (): string =>
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .charAt(0)
  while (pid > 0 && existsSync(`/proc/${pid}`) && state() !== 'Z') await sleep(10)
}

/** Until the event is there, or for as long as a fault may take. */
async function attach(drive: Drive): Promise<void> {
  const { daemon, id } = drive
  const attached = daemon.docker('attach', '--no-stdin', '--sig-proxy=false', id)
  await drive.until((_life, history) => history.some(({ type }) => type === 'Attached'), 8_000)
  void attached
}

/** Into it, out of it, all of it, an image of it. The image is another one each time. */
async function useFiles(drive: Drive): Promise<void> {
  const container = `/containers/${drive.id}`
  await drive.ask('PUT', `${container}/archive?path=/etc`)
  await drive.ask('GET', `${container}/archive?path=/etc/passwd`)
  await drive.ask('GET', `${container}/export`)
  await drive.ask('POST', `/commit?container=${drive.id}`)
}

/** Sizes it and leaves it by the detach keys. */
async function useTerminal(drive: Drive): Promise<void> {
  await drive.ask('POST', `/containers/${drive.id}/resize?h=40&w=100`)
  const socket = createConnection(drive.daemon.socket).on('error', () => undefined)
  socket.write(`POST /containers/${drive.id}/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: d\r\n\r\n\x10\x11`)
  await drive.until((_life, history) => history.some(({ type }) => type === 'Detached'), 8_000)
  socket.destroy()
}

/** Types a line and then the end, until the line has come through, or for as long as a fault may take. The client stays for the output. */
async function type(drive: Drive): Promise<void> {
  void drive.daemon.dockerWithInput('typed\n', 'attach', '--sig-proxy=false', drive.id)
  const end = performance.now() + 8_000
  for (let text = ''; !text.includes('typed') && performance.now() < end; await sleep(50))
    ({ text } = await drive.ask('GET', `/containers/${drive.id}/logs?stdout=1`))
}

/** The lines of the fault log: points that were reached, each with the pid that reached it. */
export function reached(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch {
    return []
  }
}

/** Waits for the daemon to be where the fault holds it. */
export async function untilReached(path: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (reached(path).length > 0) return true
    await sleep(10)
  }
  return false
}

/** The armed daemon may die of the start after the boot. */
async function bootAgain(daemon: Daemon, environment: Stage['environment']): Promise<void> {
  await shutDown(daemon, undefined, environment)
  await daemon.launch().catch(() => undefined)
}

/** The daemon is started anew and dies of it, or does not. */
async function takeOver(daemon: Daemon, arm: () => void): Promise<void> {
  await daemon.end('SIGKILL')
  await daemon.endSupervisor('SIGKILL')
  arm()
  await daemon.launch().catch(() => undefined)
}

/** As another client of the supervisor; what a fault makes of it is its own business. */
async function asSupervisor(
  { daemon }: Drive,
  work: (supervisor: Supervisor) => Promise<unknown>,
): Promise<void> {
  try {
    await using supervisor = await connectSupervisor(daemon.supervisorSocket)
    await Promise.race([work(supervisor), sleep(8_000, undefined, { ref: false })])
  } catch {}
}

/** Detached; answers when it has ended, or after as long as a fault may take. */
async function exec(drive: Drive, Cmd: readonly string[]): Promise<void> {
  const id = await drive.createExec({ Cmd })
  if (id === '') return
  await drive.ask('POST', `/exec/${id}/start`, JSON.stringify({ Detach: true }))
  await execEnds(drive, id)
}

async function execEnds(drive: Drive, id: string): Promise<void> {
  const end = performance.now() + 8_000
  const runs = async (): Promise<boolean> =>
    JSON.parse((await drive.read(`/exec/${id}/json`)).text).Running === true
  while (performance.now() < end && (await runs())) await sleep(50)
}

/** Leaves it by the detach keys; it ends a little later. */
async function leaveExec(drive: Drive): Promise<void> {
  const Cmd = ['timeout', '2', 'cat']
  const id = await drive.createExec({ Cmd, Tty: true, AttachStdin: true, AttachStdout: true })
  if (id === '') return
  const socket = createConnection(drive.daemon.socket).on('error', () => undefined)
  const left = new Promise<unknown>((resolve) => socket.resume().once('close', resolve))
  const head = [`POST /exec/${id}/start HTTP/1.1`, 'Host: d', 'Content-Type: application/json']
  socket.write([...head, 'Content-Length: 12', '', '{"Tty":true}\x10\x11'].join('\r\n'))
  await Promise.race([left, sleep(8_000, undefined, { ref: false })])
  socket.destroy()
}
