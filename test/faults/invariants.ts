/** What must always hold (DESIGN.md), held against one container of a real daemon: its exported history, what the API says, and the machine itself. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Life, milestone, pendingEffects, pendingTimer } from '../../machines/container-life.ts'
import type { Daemon } from '../e2e/daemon.ts'
import { holdings } from '../e2e/load.ts'
import type { Command, Drive } from './drive.ts'
import { foldHistory, runsOf, type Told } from './history.ts'
import { politeCode } from './scenarios.ts'

export type Holdings = Readonly<Record<string, number>>

export interface Expectation {
  /** What the machine held before the container was made. */
  readonly before: Holdings
  /** Whether somebody killed the shim or the runtime, so that the real exit code can be lost with it. */
  readonly codesMayBeLost: boolean
  /** Whether the scenario has killed the process behind the daemon's back. */
  readonly killedByTest?: boolean
}

interface Inspected {
  readonly Name: string
  readonly State: {
    readonly Running: boolean
    readonly Paused: boolean
    readonly OOMKilled: boolean
    readonly Pid: number
    readonly ExitCode: number
    readonly StartedAt: string
    readonly FinishedAt: string
  }
}

/** Everything that does not hold, each in a sentence that begins with the invariant's number; empty is good. */
export async function violations(drive: Drive, expectation: Expectation): Promise<readonly string[]> {
  const history = await drive.history()
  const life = foldHistory(history)
  const waiting = pendingEffects(life).filter(({ type }) => type !== 'watchProcess')
  if (waiting.length > 0 || pendingTimer(life) !== undefined)
    return [`5: it never comes to rest: ${milestone(life.value)}`]
  const { status, text } = await drive.read(`/containers/${drive.id}/json`)
  return [
    ...sameState(life, status, text),
    ...oneProcess(drive, life),
    ...exits(history, { ...expectation, killedByTest: drive.hasKilled }),
    ...leftovers(drive.daemon, life, expectation.before),
    ...(await volumes(drive, text)),
    ...promises(drive.promised, history),
    ...(await execs(drive)),
  ]
}

/** 5: an exec that was started comes to its end, and so does its process. */
async function execs(drive: Drive): Promise<readonly string[]> {
  const found = await Promise.all(
    drive.execs.map(async (id) => {
      const { status, text } = await drive.read(`/exec/${id}/json`)
      const { Running, ExitCode, Pid } = JSON.parse(text)
      if (status !== 200 && status !== 404) return [`6: exec ${id} is asked for and ${status} answered`]
      if (Running === true) return [`5: exec ${id} runs`]
      const isAlive = Pid > 0 && existsSync(`/proc/${Pid}`)
      return isAlive ? [`5: exec ${id} has ended with ${ExitCode}, but ${Pid} is alive`] : []
    }),
  )
  return found.flat()
}

/** 1: folding the log gives the state that the API shows. 7: and that without the daemon. */
export function sameState(life: Life, status: number, text: string): readonly string[] {
  if (life.matches('removed')) return status === 404 ? [] : [`1: removed, but inspect answers ${status}`]
  if (status !== 200) return [`1: ${milestone(life.value)}, but inspect answers ${status}`]
  const { Name, State } = JSON.parse(text) as Inspected
  const { name, run, lastStartedAt, lastExitedAt } = life.context
  const running = life.matches('running')
  return different('1', {
    name: [Name, `/${name}`],
    running: [State.Running, running],
    paused: [State.Paused, life.matches({ running: { freezer: 'paused' } })],
    oomKilled: [State.OOMKilled, run?.oomKilled ?? false],
    pid: [State.Pid, running ? run?.process?.pid : 0],
    startedAt: [State.StartedAt, lastStartedAt ?? '0001-01-01T00:00:00Z'],
    finishedAt: [State.FinishedAt, lastExitedAt ?? '0001-01-01T00:00:00Z'],
    ...(run?.outcome?.kind === 'exited' && { exitCode: [State.ExitCode, run.outcome.exitCode] }),
  })
}

function different(
  number: string,
  pairs: Readonly<Record<string, readonly [shown: unknown, folded: unknown]>>,
): readonly string[] {
  return Object.entries(pairs)
    .filter(([, [shown, folded]]) => shown !== folded)
    .map(([what, [shown, folded]]) => `${number}: ${what} is shown as ${shown}, the log says ${folded}`)
}

/** 2: at most one container process, none without a ShimStarted. 5: it is alive if and only if the state says so. */
function oneProcess({ daemon, id }: Drive, life: Life): readonly string[] {
  const members = groupsOf(daemon, id).flatMap((group) => numbers(join(group, 'cgroup.procs')))
  const all = new Set(members)
  const tops = [...all].filter((pid) => !all.has(parentOf(pid)))
  const running = life.matches('running')
  const { shim, process: own } = life.context.run ?? {}
  return [
    ...(tops.length > 1 ? [`2: processes ${tops.join(' ')} in one container`] : []),
    ...(tops.length > 0 && shim === undefined ? ['2: a process without ShimStarted'] : []),
    ...(tops.length > 0 && !running ? [`5: ${milestone(life.value)}, but ${tops.join(' ')} is alive`] : []),
    ...(running && !tops.includes(own?.pid ?? 0) ? [`5: running, but ${own?.pid} is not there`] : []),
  ]
}

/** 3: every start has one end, which has the code that what was done to the process gives it, and a time between the start and its recording. */
export function exits(history: readonly Told[], expectation: Expectation): readonly string[] {
  const over = history.findLast(({ type }) => type === 'Released')?.version ?? 0
  return [...runsOf(history)].flatMap(([runId, told]) => {
    const started = told.find(({ type }) => type === 'ProcessStarted')
    const ended = told.filter(({ type }) => type === 'ProcessExited')
    const rebooted = history.some(({ type }) => type === 'HostRebooted')
    if (ended.length > 1) return [`3: run ${runId} ended ${ended.length} times`]
    const [end] = ended
    if (end === undefined) {
      const lost = started !== undefined && started.version < over && !rebooted
      return lost ? [`3: the end of run ${runId} was not recorded`] : []
    }
    if (started === undefined) return [`3: run ${runId} ended without a start`]
    return [...wrongCode(history, end, expectation), ...wrongTime(started, end)]
  })
}

function wrongCode(
  history: readonly Told[],
  { data, version }: Told,
  { codesMayBeLost: mayBeLost, killedByTest = false }: Expectation,
): readonly string[] {
  const code = data.exitCode
  const begun = history.findLast((told) => told.type === 'Released' && told.version < version)?.version ?? 0
  const earlier = history.filter((told) => told.version > begun && told.version < version)
  const killed = earlier.some(
    ({ type, data: { signal, force } }) =>
      type === 'OomKilled' || type === 'StopDeadlinePassed' || signal === 'SIGKILL' || force === true,
  )
  const isStuck = history.some(({ type }) => type === 'KillDeadlinePassed')
  const ofItself = history.some(({ type }) => type === 'RestartDue')
  const asked = earlier.some(({ data: { signal } }) => signal === 'SIGTERM')
  const possible = [
    ...(killed || killedByTest || isStuck ? [137] : []),
    ...(asked || ofItself ? [politeCode] : []),
  ]
  if (possible.includes(Number(code)) || (mayBeLost && code === 255 && data.reason !== undefined)) return []
  return [`3: the exit code ${code} (${data.reason ?? 'no reason given'}) is none of ${possible.join(', ')}`]
}

function wrongTime(started: Told, ended: Told): readonly string[] {
  const times = [started.data.startedAt, ended.data.exitedAt, ended.time].map(String)
  const ordered = times.every((time, index) => index === 0 || (times[index - 1] ?? '') <= time)
  return ordered ? [] : [`3: started, ended and recorded at ${times.join(', ')}`]
}

/** 4: when nothing runs, nothing is left; when it is removed, nothing at all. */
function leftovers(daemon: Daemon, life: Life, before: Holdings): readonly string[] {
  if (life.matches('running')) return []
  const now = holdings(daemon)
  const own = life.matches('removed') ? [] : ['layers', 'links', 'containers']
  return Object.keys(before)
    .filter((what) => what !== 'descriptors' && !own.includes(what) && now[what] !== before[what])
    .map((what) => `4: ${before[what]} ${what} before, ${now[what]} after`)
}

/** 4: every volume has its directory and every directory its volume; those without a name are the container's. */
async function volumes(drive: Drive, inspected: string): Promise<readonly string[]> {
  const { Volumes } = JSON.parse((await drive.read('/volumes')).text) as {
    readonly Volumes: readonly Named[]
  }
  const { Mounts = [] } = JSON.parse(inspected) as { readonly Mounts?: readonly Partial<Named>[] }
  const [known, mounted] = [Volumes, Mounts].map((all) => all.map(({ Name = '' }) => Name).sort())
  const lost = known?.filter((name) => name.length === 64 && mounted?.includes(name) !== true) ?? []
  const root = join(drive.daemon.dataRoot, 'volumes')
  const there = existsSync(root) ? readdirSync(root).sort() : []
  return [
    ...(there.join() === known?.join() ? [] : [`4: volumes ${known?.join()}, directories ${there.join()}`]),
    ...lost.map((name) => `4: volume ${name} is nobody's`),
  ]
}

interface Named {
  readonly Name: string
}

const eventOf: Readonly<Record<Command, Told['type']>> = {
  create: 'ContainerCreated',
  start: 'StartRequested',
  stop: 'StopRequested',
  kill: 'KillRequested',
  restart: 'RestartRequested',
  pause: 'Paused',
  unpause: 'Resumed',
  rename: 'ContainerRenamed',
  remove: 'Removed',
}

/** 6: what was answered with success is in the log, as often. */
export function promises(promised: readonly Command[], history: readonly Told[]): readonly string[] {
  return Object.entries(eventOf).flatMap(([command, event]) => {
    const answered = promised.filter((one) => one === command).length
    const recorded = history.filter(({ type }) => type === event).length
    return answered > recorded
      ? [`6: ${command} succeeded ${answered} times, ${event} is there ${recorded} times`]
      : []
  })
}

const cgroupRoot = '/sys/fs/cgroup'

/** The container's control group in every hierarchy in which it is there, cgroups(7). */
function groupsOf({ namespace }: Daemon, id: string): readonly string[] {
  const hierarchies = [cgroupRoot, ...readdirSync(cgroupRoot).map((name) => join(cgroupRoot, name))]
  return hierarchies.map((root) => join(root, namespace, id)).filter((path) => existsSync(path))
}

function numbers(path: string): readonly number[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map(Number)
  } catch {
    return []
  }
}

/** Field 4 of /proc/<pid>/stat, counted from behind the name, proc_pid_stat(5). */
function parentOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return 0
  }
}
