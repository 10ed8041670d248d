/**
 * `npm run bench:exec`: exec of `true`, from POST start to the end of its streams, over the same HTTP calls on tallyd and on the real
 * dockerd, interleaved. Prints medians and their ratio; the goal is half of dockerd's.
 */
import { busyboxArchive } from '../../scripts/busybox.ts'
import { Dockerd } from '../conformance/dockerd.ts'
import { ApiClient } from '../e2e/api-client.ts'
import { Daemon } from '../e2e/daemon.ts'
import { removeGroups } from '../e2e/surroundings.ts'

const rounds = Number(process.argv[2] ?? 40)
const goal = 0.5

const sleeper = { Image: 'bb', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } }
const body = JSON.stringify({ Cmd: ['true'], AttachStdout: true, AttachStderr: true })

async function runSleeper(client: ApiClient): Promise<string> {
  await client.ask('POST', '/images/create?fromSrc=-&repo=bb', busyboxArchive())
  const id = await client.create(sleeper)
  await client.ask('POST', `/containers/${id}/start`)
  return id
}

/** @returns ms */
async function exec(client: ApiClient, container: string): Promise<number> {
  const { Id } = JSON.parse(await client.ask('POST', `/containers/${container}/exec`, body))
  const begun = performance.now()
  await client.ask('POST', `/exec/${Id}/start`, '{}')
  const took = performance.now() - begun
  const { ExitCode } = JSON.parse(await client.ask('GET', `/exec/${Id}/json`))
  if (ExitCode !== 0) throw new Error(`exec ended with ${ExitCode}`)
  return took
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

async function measure(tally: ApiClient, docker: ApiClient): Promise<void> {
  const [ours, theirs] = [await runSleeper(tally), await runSleeper(docker)]
  for (let round = 0; round < 3; round += 1)
    for (const [client, id] of [[tally, ours] as const, [docker, theirs] as const]) await exec(client, id)
  const took = { tally: [] as number[], docker: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    took.tally.push(await exec(tally, ours))
    took.docker.push(await exec(docker, theirs))
  }
  const [a, b] = [median(took.tally), median(took.docker)]
  const figures = `tallyd ${a.toFixed(1)} ms  dockerd ${b.toFixed(1)} ms`
  process.stdout.write(
    `exec of true, ${rounds} rounds  ${figures}  ratio ${(a / b).toFixed(3)}  goal ${goal}\n`,
  )
}

const daemon = await new Daemon().start()
const dockerd = await new Dockerd().start()
try {
  using tally = new ApiClient(daemon.socket)
  using docker = new ApiClient(dockerd.socket)
  await measure(tally, docker)
} finally {
  await dockerd.destroy()
  await daemon.destroy()
  removeGroups(daemon.namespace)
}
