/**
 * `npm run bench:attach`: how fast a container's output goes to an attached docker CLI, and into its json log, on tallyd and the real
 * dockerd, interleaved. The container writes a file of text lines; every round is a container of its own, whose log goes with it.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Dockerd } from '../conformance/dockerd.ts'
import type { Target } from '../conformance/session.ts'
import { Daemon } from '../e2e/daemon.ts'
import { removeGroups } from '../e2e/surroundings.ts'

const rounds = Number(process.argv[2] ?? 3)
const mebibytes = Number(process.argv[3] ?? 512)

/** What is measured: flags of `docker run` before the image. */
const ways = {
  'attached, no log': ['-a', 'stdout', '--log-driver', 'none'],
  'attached and json log': ['-a', 'stdout'],
  'json log': ['-d'],
} as const

type Way = keyof typeof ways

/** Lines of 80 bytes, as a program's output has them: a log record each. */
function writeLines(path: string): void {
  const line = `${'a line of output that is as long as a line on a terminal of eighty columns is'.padEnd(79, '.')}\n`
  const block = Buffer.from(line.repeat((1024 * 1024) / 16 / 5))
  const file = openSync(path, 'w')
  for (let written = 0; written < mebibytes * 1024 * 1024; ) written += writeSync(file, block)
  closeSync(file)
}

function cli({ socket }: Target, words: readonly string[]): Promise<void> {
  const child = spawn('docker', ['-H', `unix://${socket}`, ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return new Promise((done, fail) => {
    child.once('exit', (code) =>
      code === 0 ? done() : fail(new Error(`docker ${words.join(' ')}: ${code}`)),
    )
  })
}

/** @returns MiB a second from `docker run` to the end of the container. */
async function throughput(target: Target, way: Way, file: string): Promise<number> {
  const begun = performance.now()
  const mount = `type=bind,src=${file},dst=/lines,readonly`
  const flags = ['--network', 'none', '--name', 'bench', '--mount', mount]
  await cli(target, ['run', ...flags, ...ways[way], 'bb', 'cat', '/lines'])
  await cli(target, ['wait', 'bench'])
  const seconds = (performance.now() - begun) / 1_000
  await cli(target, ['rm', 'bench'])
  return statSync(file).size / 1024 / 1024 / seconds
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

async function compare(tallyd: Target, dockerd: Target, way: Way, file: string): Promise<void> {
  const figures = { tallyd: [] as number[], dockerd: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    figures.tallyd.push(await throughput(tallyd, way, file))
    figures.dockerd.push(await throughput(dockerd, way, file))
  }
  const [ours, docker] = [median(figures.tallyd), median(figures.dockerd)]
  const text = `${way.padEnd(24)} tallyd ${ours.toFixed(0)} MiB/s  dockerd ${docker.toFixed(0)} MiB/s`
  process.stdout.write(`${text}  ratio ${(ours / docker).toFixed(2)}\n`)
}

const folder = mkdtempSync(join(tmpdir(), 'tally-bench-'))
const daemon = await new Daemon().start()
const docker = await new Dockerd().start()
try {
  const file = join(folder, 'lines')
  writeLines(file)
  await Promise.all([daemon.importBusybox(), docker.importBusybox()])
  const wanted = process.argv[4]
  const chosen = (Object.keys(ways) as Way[]).filter((way) => wanted === undefined || way === wanted)
  for (const way of chosen) await compare(daemon, docker, way, file)
} finally {
  await docker.destroy()
  await daemon.destroy()
  removeGroups(daemon.namespace)
  rmSync(folder, { recursive: true, force: true })
}
