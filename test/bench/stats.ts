/**
 * `npm run bench:stats [containers] [seconds]`: everybody's statistics followed at once, on tallyd and on the real dockerd, one after the
 * other. Prints how long all take to tell of the first reading, what the daemon spends meanwhile, and how late readings are.
 */
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Dockerd } from '../conformance/dockerd.ts'
import { ApiClient } from '../e2e/api-client.ts'
import { Daemon } from '../e2e/daemon.ts'
import { importBusybox } from '../e2e/surroundings.ts'

const count = Number(process.argv[2] ?? 100)
const seconds = Number(process.argv[3] ?? 10)
/** Of proc_pid_stat(5), seconds. */
const tick = 0.01

/** Seconds of processor time that a process has had. */
function spent(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tick
}

/** Milliseconds at which each line came. */
function follow(socketPath: string, id: string): { readonly lines: number[]; readonly end: () => void } {
  const lines: number[] = []
  const asked = request({ socketPath, path: `/containers/${id}/stats`, agent: false }, (response) => {
    response.on('data', (chunk: Buffer) => {
      if (chunk.includes(10)) lines.push(performance.now())
    })
    response.on('error', () => undefined)
  })
  asked.on('error', () => undefined)
  asked.end()
  return { lines, end: () => asked.destroy() }
}

const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ??
  Number.NaN

async function measure(name: string, socket: string, pids: () => readonly number[]): Promise<void> {
  using api = new ApiClient(socket)
  const body = { Image: 'bb', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } }
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    const id = await api.create(body)
    await api.ask('POST', `/containers/${id}/start`)
    ids.push(id)
  }
  const total = () => pids().reduce((sum, pid) => sum + spent(pid), 0)
  await sleep(2_000)
  const resting = total()
  await sleep(2_000)
  const idle = (total() - resting) / 2
  const begun = performance.now()
  const followers = ids.map((id) => follow(socket, id))
  while (followers.some(({ lines }) => lines.length === 0)) await sleep(5)
  const first = performance.now() - begun
  await sleep(1_500)
  const before = total()
  const from = performance.now()
  await sleep(seconds * 1000)
  const cpu = (total() - before) / ((performance.now() - from) / 1000)
  const gaps = followers.flatMap(({ lines }) =>
    lines.slice(2).map((at, index) => at - (lines[index + 1] ?? at)),
  )
  for (const { end } of followers) end()
  const once = performance.now()
  await Promise.all(ids.map((id) => api.ask('GET', `/containers/${id}/stats?stream=0&one-shot=1`)))
  const shots = performance.now() - once
  const line = [
    `${name.padEnd(8)} ${count} followed: ${(cpu * 100).toFixed(1)} % of one processor (idle ${(idle * 100).toFixed(1)} %)`,
    `all told of the first reading after ${first.toFixed(0)} ms`,
    `between readings median ${quantile(gaps, 0.5).toFixed(0)} ms, p99 ${quantile(gaps, 0.99).toFixed(0)} ms`,
    `${count} one-shots at once ${shots.toFixed(0)} ms`,
  ]
  console.log(line.join('; '))
}

/** Children of that name, and the process itself. */
function withChildren(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number)
  return [
    pid,
    ...children.filter((child) => readFileSync(`/proc/${child}/comm`, 'utf8').startsWith('containerd')),
  ]
}

const daemon = await new Daemon().start()
try {
  await importBusybox(daemon)
  await measure('tallyd', daemon.socket, () => [daemon.pid])
} finally {
  await daemon.destroy()
}
const docker = await new Dockerd().start()
try {
  await importBusybox(docker)
  await measure('dockerd', docker.socket, () => withChildren(docker.pid))
} finally {
  await docker.destroy()
}
