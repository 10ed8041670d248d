/**
 * `npm run bench:start`: POST start and a container's whole life over the same HTTP calls on tallyd, the real dockerd and bare runc,
 * interleaved, each daemon in a network namespace and under roots of its own. Prints medians and ratios, and what idle daemons and shims hold.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { busyboxArchive } from '../../scripts/busybox.ts'
import { Dockerd } from '../conformance/dockerd.ts'
import { ApiClient } from '../e2e/api-client.ts'
import { Daemon } from '../e2e/daemon.ts'
import { removeGroups } from '../e2e/surroundings.ts'

const rounds = Number(process.argv[2] ?? 15)
const runFile = promisify(execFile)

const sleeper = { Image: 'bb', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } }

/** @returns ms of POST start, and of create, start, kill, wait and remove together. */
async function life(client: ApiClient): Promise<{ readonly start: number; readonly life: number }> {
  const begun = performance.now()
  const id = await client.create(sleeper)
  const before = performance.now()
  await client.ask('POST', `/containers/${id}/start`)
  const start = performance.now() - before
  await client.ask('POST', `/containers/${id}/kill`)
  await client.ask('POST', `/containers/${id}/wait`)
  await client.ask('DELETE', `/containers/${id}`)
  return { start, life: performance.now() - begun }
}

/** A bundle like the one tallyd made for a container, on a plain directory, for bare runc. */
function copyBundle(daemon: Daemon, id: string): string {
  const bundle = join(daemon.root, 'bare')
  mkdirSync(join(bundle, 'rootfs'), { recursive: true })
  execFileSync('tar', ['-C', join(bundle, 'rootfs'), '-x'], { input: busyboxArchive() })
  const files = join(daemon.dataRoot, 'containers', id)
  cpSync(files, join(bundle, 'files'), { recursive: true, filter: (path) => !path.endsWith('.log') })
  const text = readFileSync(join(daemon.execRoot, 'libcontainerd', id, 'config.json'), 'utf8')
  const spec = JSON.parse(text.replaceAll(files, join(bundle, 'files')))
  spec.root.path = join(bundle, 'rootfs')
  spec.linux.cgroupsPath = `/${daemon.namespace}/bare`
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec))
  return bundle
}

/** @returns ms of `runc create` and `runc start`. */
async function bareRunc(daemon: Daemon, bundle: string): Promise<number> {
  const root = ['--root', join(daemon.root, 'bare-runc')]
  const before = performance.now()
  await new Promise<void>((done, fail) => {
    const create = spawn('runc', [...root, 'create', '--bundle', bundle, 'bare'], { stdio: 'ignore' })
    create.once('exit', (code) => (code === 0 ? done() : fail(new Error(`runc create: ${code}`))))
  })
  await runFile('runc', [...root, 'start', 'bare'])
  const took = performance.now() - before
  await runFile('runc', [...root, 'delete', '--force', 'bare'])
  return took
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const rss = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
const pss = (pid: number): number =>
  Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024

function childrenOf(pid: number, name: string): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((entry) => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
        return (
          stat.includes(`(${name}`) &&
          (pid === 0 || Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid)
        )
      } catch {
        return false
      }
    })
}

async function main(): Promise<void> {
  const daemon = await new Daemon().start()
  const docker = await new Dockerd().start()
  try {
    const tally = new ApiClient(daemon.socket)
    const real = new ApiClient(docker.socket)
    await sleep(3000)
    const containerds = childrenOf(docker.pid, 'containerd').map(rss)
    const idle = {
      tallyd: rss(daemon.pid),
      dockerd: containerds.reduce((sum, one) => sum + one, rss(docker.pid)),
    }
    for (const client of [tally, real])
      await client.ask('POST', '/images/create?fromSrc=-&repo=bb', busyboxArchive())
    const id = await tally.create(sleeper)
    await tally.ask('POST', `/containers/${id}/start`)
    const bundle = copyBundle(daemon, id)
    const shims = childrenOf(0, 'tally-shim').map(pss)
    await tally.ask('DELETE', `/containers/${id}?force=1`)
    for (const client of [tally, real]) await life(client)
    const figures = {
      tally: [] as { start: number; life: number }[],
      docker: [] as { start: number; life: number }[],
      runc: [] as number[],
    }
    for (let round = 0; round < rounds; round += 1) {
      figures.tally.push(await life(tally))
      figures.runc.push(await bareRunc(daemon, bundle))
      figures.docker.push(await life(real))
    }
    report(figures, idle, shims)
  } finally {
    await docker.destroy()
    await daemon.destroy()
    removeGroups(daemon.namespace)
  }
}

function report(
  figures: {
    readonly tally: readonly { start: number; life: number }[]
    readonly docker: readonly { start: number; life: number }[]
    readonly runc: readonly number[]
  },
  idle: { readonly tallyd: number; readonly dockerd: number },
  shims: readonly number[],
): void {
  const start = {
    tally: median(figures.tally.map((one) => one.start)),
    docker: median(figures.docker.map((one) => one.start)),
  }
  const life = {
    tally: median(figures.tally.map((one) => one.life)),
    docker: median(figures.docker.map((one) => one.life)),
  }
  const bare = median(figures.runc)
  const line = (text: string): void => void process.stdout.write(`${text}\n`)
  const ms = (value: number): string => `${value.toFixed(1)} ms`
  line(`rounds                ${figures.runc.length}`)
  line(
    `POST start            tallyd ${ms(start.tally)}  dockerd ${ms(start.docker)}  ratio ${(start.tally / start.docker).toFixed(3)}`,
  )
  line(`above bare runc       tallyd ${ms(start.tally - bare)}  (runc create + start ${ms(bare)})`)
  line(
    `whole life            tallyd ${ms(life.tally)}  dockerd ${ms(life.docker)}  ratio ${(life.tally / life.docker).toFixed(3)}`,
  )
  line(
    `idle RSS              tallyd ${idle.tallyd.toFixed(1)} MiB  dockerd + containerd ${idle.dockerd.toFixed(1)} MiB`,
  )
  line(`shim PSS              ${shims.map((value) => value.toFixed(2)).join(', ')} MiB`)
}

await main()
