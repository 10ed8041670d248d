/** `npm run demo`: one container through the whole chain on a throw-away daemon; prints its timeline and what each step left on disk. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { busyboxArchive } from './busybox.ts'

const project = resolve(import.meta.dirname, '..')
const root = mkdtempSync(join(tmpdir(), 'tally-demo-'))
const socket = join(root, 'docker.sock')
const roots = { data: join(root, 'data'), exec: join(root, 'exec') }

interface Milestone {
  readonly type: string
  readonly time: string
}

async function main(): Promise<void> {
  const daemon = await startDaemon()
  try {
    const image = await ask('POST', '/images/create?fromSrc=-&repo=bb&changes=CMD+sh', busyboxArchive())
    say(`image bb      ${JSON.parse(image.trim().split('\n').at(-1) ?? '{}').status}`)
    const id = await create('echo "hello from pid $$"; sleep 0.3; exit 3')
    await ask('POST', `/containers/${id}/start`)
    const artifacts = listArtifacts(id)
    const { StatusCode } = JSON.parse(await ask('POST', `/containers/${id}/wait`))
    say(`container     ${id.slice(0, 12)}, ended with ${StatusCode} as it was told to\n`)
    printTimeline(history(id), artifacts)
    say(
      `\nits log       ${readFileSync(artifactPath(`data/containers/${id}/${id}-json.log`), 'utf8').trim()}`,
    )
    await ask('DELETE', `/containers/${id}`)
    const left = [...artifacts.values()].flat().filter((path) => existsSync(artifactPath(path)))
    say(`left behind   ${left.length === 0 ? 'nothing' : left.join(', ')}`)
    if (left.length > 0 || StatusCode !== 3) process.exitCode = 1
  } finally {
    await endDaemon(daemon)
    rmSync(root, { recursive: true, force: true })
  }
}

async function startDaemon(): Promise<ChildProcess> {
  const flags = ['-H', `unix://${socket}`, '--data-root', roots.data, '--exec-root', roots.exec]
  const own = [
    '--cgroup-parent',
    '/tally-demo',
    '--pidfile',
    join(root, 'tallyd.pid'),
    '--log-level',
    'error',
  ]
  const stdio = ['ignore', 'inherit', 'inherit'] as const
  const daemon = spawn(join(project, 'bin/tallyd'), [...flags, ...own], { stdio: [...stdio] })
  while (!existsSync(socket)) {
    if (daemon.exitCode !== null) throw new Error('tallyd did not start')
    await sleep(20)
  }
  say(`tallyd        pid ${daemon.pid}, everything below ${root}`)
  return daemon
}

function endDaemon(daemon: ChildProcess): Promise<void> {
  return new Promise((done) => {
    daemon.once('exit', () => done())
    daemon.kill()
  })
}

async function create(script: string): Promise<string> {
  const body = { Image: 'bb', Cmd: ['sh', '-c', script], HostConfig: { NetworkMode: 'none' } }
  return JSON.parse(await ask('POST', '/containers/create?name=demo', JSON.stringify(body))).Id
}

function ask(method: string, path: string, body?: string | Buffer): Promise<string> {
  const type = typeof body === 'string' ? 'application/json' : 'application/x-tar'
  const headers =
    body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }
  return new Promise((answer, fail) => {
    const asked = request({ socketPath: socket, method, path, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        if ((response.statusCode ?? 500) < 400) answer(text)
        else fail(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
      })
    })
    asked.on('error', fail)
    asked.end(body)
  })
}

function history(id: string): readonly Milestone[] {
  const text = execFileSync(join(project, 'bin/tally'), ['-H', `unix://${socket}`, 'history', '--json', id], {
    encoding: 'utf8',
  })
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const artifactPath = (path: string): string => join(root, path)

/** What each step leaves to see, by the event that says it is there. */
function listArtifacts(id: string): ReadonlyMap<string, readonly string[]> {
  const container = `data/containers/${id}`
  const bundle = `exec/libcontainerd/${id}`
  const task = `exec/libcontainerd/containerd/${id}/init`
  const candidates: Readonly<Record<string, readonly string[]>> = {
    ContainerCreated: [`data/overlay2/${id}-init/diff`, `data/overlay2/${id}/diff`],
    RootfsMounted: [`data/overlay2/${id}/merged`],
    BundlePrepared: [
      ...['hostname', 'hosts', 'resolv.conf', 'resolv.conf.hash', 'shm', 'checkpoints'].map(
        (name) => `${container}/${name}`,
      ),
      ...['config.json', 'init-stdin', 'init-stdout', 'init-stderr'].map((name) => `${bundle}/${name}`),
    ],
    ShimStarted: ['process.json', 'control', 'exit', 'shim-log.json', 'log.json'].map(
      (name) => `${task}/${name}`,
    ),
    PidRecorded: ['pid', 'starttime'].map((name) => `${task}/${name}`),
    ProcessStarted: [`exec/runtime-runc/${id}/state.json`, `${container}/${id}-json.log`],
  }
  const existing = Object.entries(candidates).map(
    ([type, paths]) => [type, paths.filter((path) => existsSync(artifactPath(path)))] as const,
  )
  return new Map(existing.map(([type, paths]) => [type, paths]))
}

function printTimeline(
  events: readonly Milestone[],
  artifacts: ReadonlyMap<string, readonly string[]>,
): void {
  let before = fineTime(events[0]?.time ?? '')
  for (const { type, time } of events) {
    const now = fineTime(time)
    say(`${(now - before).toFixed(1).padStart(8)} ms  ${type}`)
    before = now
    for (const path of artifacts.get(type) ?? []) say(`${' '.repeat(14)}${path}`)
  }
}

/** Milliseconds with the fraction that Date drops. */
const fineTime = (time: string): number =>
  Date.parse(time.replace(/\.\d+/, '')) + Number(/\.(\d+)/.exec(time)?.[1]?.padEnd(9, '0') ?? 0) / 1e6

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

await main()
