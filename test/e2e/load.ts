/** Many containers at once, some of which fail by themselves: started, stopped and removed over the API, each answer held against what its kind deserves. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApiClient } from './api-client.ts'
import type { Daemon } from './daemon.ts'
import { mountedBelow } from './surroundings.ts'

interface Kind {
  readonly name: string
  /** Of ten containers, how many are of this kind. */
  readonly share: number
  readonly body: { readonly Cmd: readonly string[]; readonly [key: string]: unknown }
  /** Status of POST start. */
  readonly started: number
  /** Of the run once it is over; undefined: it runs until it is stopped. */
  readonly exitCode?: number
}

const kinds: readonly Kind[] = [
  {
    name: 'obedient',
    share: 4,
    body: { Cmd: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'] },
    started: 204,
  },
  { name: 'stubborn', share: 1, body: { Cmd: ['sleep', '1000'], StopTimeout: 1 }, started: 204 },
  { name: 'brief', share: 2, body: { Cmd: ['sh', '-c', 'seq 1 1000; exit 3'] }, started: 204, exitCode: 3 },
  { name: 'unknown command', share: 1, body: { Cmd: ['no-such-command'] }, started: 400, exitCode: 127 },
  {
    name: 'unknown user',
    share: 1,
    body: { Cmd: ['true'], User: 'nobody-knows' },
    started: 500,
    exitCode: 128,
  },
  {
    name: 'greedy',
    share: 1,
    body: {
      Cmd: ['sh', '-c', 'x=a; while :; do x=$x$x; done'],
      HostConfig: { NetworkMode: 'none', Memory: 16 << 20 },
    },
    started: 204,
    exitCode: 137,
  },
]

const tenKinds = kinds.flatMap((kind) => Array.from({ length: kind.share }, () => kind))

const kindOf = (index: number): Kind => {
  const kind = tenKinds[index % 10]
  if (kind === undefined) throw new Error('the shares must add up to ten')
  return kind
}

export interface LoadResult {
  /** What was not as the container's kind deserves; empty is good. */
  readonly surprises: readonly string[]
  readonly startMilliseconds: number
  /** Of each POST start, in ms. */
  readonly starts: readonly number[]
  readonly totalMilliseconds: number
}

/** @param count how many containers; the daemon has to have the image `bb`. */
export async function load(daemon: Daemon, count: number): Promise<LoadResult> {
  using api = new ApiClient(daemon.socket)
  const surprises: string[] = []
  const expect = (what: string, seen: unknown, wanted: unknown): void => {
    if (seen !== wanted) surprises.push(`${what}: ${seen} instead of ${wanted}`)
  }
  const begun = performance.now()
  const all = Array.from({ length: count }, (_, index) => ({ name: `load-${index}`, kind: kindOf(index) }))
  const created = await Promise.all(all.map(({ name, kind }) => create(api, name, kind)))
  for (const { status, text } of created) expect(`create ${text}`, status, 201)
  const starting = performance.now()
  const starts: number[] = []
  const started = await Promise.all(
    all.map(async ({ name }) => {
      const answer = await api.send('POST', `/containers/${name}/start`)
      starts.push(performance.now() - starting)
      return answer
    }),
  )
  const startMilliseconds = performance.now() - starting
  for (const [index, { status, text }] of started.entries()) {
    const { name, kind } = all[index] ?? { name: '', kind: kindOf(index) }
    expect(`start ${name} (${kind.name}): ${text}`, status, kind.started)
  }
  const ended = all.filter(({ kind }) => kind.exitCode !== undefined)
  await Promise.all(
    ended.map(async ({ name, kind }) => {
      if (kind.started === 204) await api.ask('POST', `/containers/${name}/wait`)
      const { State } = JSON.parse(await api.ask('GET', `/containers/${name}/json`))
      expect(`exit code of ${name} (${kind.name})`, State.ExitCode, kind.exitCode)
      expect(`OOM of ${name} (${kind.name})`, State.OOMKilled, kind.name === 'greedy')
    }),
  )
  const running = all.filter(({ kind }) => kind.exitCode === undefined)
  const stopped = await Promise.all(running.map(({ name }) => api.send('POST', `/containers/${name}/stop`)))
  for (const { status, text } of stopped) expect(`stop ${text}`, status, 204)
  const removed = await Promise.all(all.map(({ name }) => api.send('DELETE', `/containers/${name}`)))
  for (const { status, text } of removed) expect(`remove ${text}`, status, 204)
  return { surprises, startMilliseconds, starts, totalMilliseconds: performance.now() - begun }
}

const create = (api: ApiClient, name: string, { body }: Kind) =>
  api.send(
    'POST',
    `/containers/create?name=${name}`,
    JSON.stringify({ Image: 'bb', HostConfig: { NetworkMode: 'none' }, ...body }),
  )

/** Everything that a container may leave: nothing of it may be more after a load than before. */
export function holdings(daemon: Daemon): Readonly<Record<string, number>> {
  const count = (directory: string): number => (existsSync(directory) ? readdirSync(directory).length : 0)
  return {
    descriptors: count(`/proc/${daemon.pid}/fd`),
    mounts: mountedBelow(daemon.root, daemon.pid).length,
    layers: count(join(daemon.dataRoot, 'overlay2')),
    links: count(join(daemon.dataRoot, 'overlay2', 'l')),
    containers: count(join(daemon.dataRoot, 'containers')),
    bundles: count(join(daemon.execRoot, 'libcontainerd')),
    tasks: count(join(daemon.execRoot, 'libcontainerd', 'containerd')),
    runtime: count(join(daemon.execRoot, 'runtime-runc')),
    shims: shims(daemon),
    groups: groups(daemon),
  }
}

function shims(daemon: Daemon): number {
  const commandLine = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    } catch {
      return ''
    }
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => commandLine(pid).includes(`--dir\0${daemon.execRoot}/`)).length
}

function groups(daemon: Daemon): number {
  const root = '/sys/fs/cgroup'
  const parents = [root, ...readdirSync(root).map((name) => join(root, name))].map((hierarchy) =>
    join(hierarchy, daemon.namespace),
  )
  const inner = (parent: string): number => {
    try {
      return readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory()).length
    } catch {
      return 0
    }
  }
  return parents.reduce((sum, parent) => sum + inner(parent), 0)
}
