/** The commands of health checks in real containers. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ProbePorts, type ProbeResult, runProbe } from '../../../src/engine/probe.ts'
import { Streams } from '../../../src/engine/streams.ts'
import { bundlePath, supervisorRoot } from '../../../src/paths.ts'
import { systemRandom } from '../../../src/random.ts'
import { systemTimers } from '../../../src/timers.ts'
import { execWorker } from '../../../src/workers/exec.ts'
import { readHostFacts } from '../../../src/workers/host-facts.ts'
import { Host } from '../machine/host.ts'

const never = new AbortController().signal

describe('a probe', () => {
  let host: Host
  let ports: ProbePorts
  let id: string
  let runId: string

  beforeAll(async () => {
    host = await new Host().open()
    await host.importBusybox()
    const { supervisor, roots } = host
    const unused = async (): Promise<void> => expect.unreachable()
    const streams = new Streams({ closeStdin: unused, attachOutput: unused, report: () => undefined })
    const worker = execWorker({ roots, host: await readHostFacts() })
    ports = { supervisor, worker, streams, timers: systemTimers, random: systemRandom }
    id = await host.run(['sleep', '1000'], { Env: ['A=1'] })
    runId = (await host.event(id, 'StartRequested')).runId
  }, 120_000)
  afterAll(() => host?.destroy(), 120_000)

  async function probe(script: string, options: { timeout?: number; signal?: AbortSignal } = {}) {
    const { timeout: timeoutMilliseconds = 60_000, signal = never } = options
    const { spec } = await host.event(id, 'ContainerCreated')
    const command = ['sh', '-c', script]
    return runProbe(ports, { id, runId, spec, command, timeoutMilliseconds }, signal)
  }

  const text = ({ output }: ProbeResult): string => output.toString()
  const leavings = (): readonly string[] => [
    ...readdirSync(join(supervisorRoot(host.roots), id)).filter((name) => name !== 'init'),
    ...readdirSync(bundlePath(host.roots, id)).filter((name) => /^[0-9a-f]{64}-/.test(name)),
  ]

  it('gives the exit code and both outputs of the command, run as the container is', async () => {
    const answer = await probe('echo out $A; sleep 0.2; echo err >&2; exit 3')
    expect([answer.exitCode, text(answer), answer.truncated]).toEqual([3, 'out 1\nerr\n', false])
    expect(leavings()).toEqual([])
  })

  it('keeps the first 4096 bytes, however much comes', async () => {
    const answer = await probe('seq 1 100000')
    expect(answer).toMatchObject({ exitCode: 0, truncated: true })
    expect(text(answer)).toHaveLength(4096)
    expect(text(answer)).toMatch(/^1\n2\n3\n/)
  })

  it('is killed when its time is up, with all that it has said', async () => {
    const answer = await probe('echo begun; exec sleep 1000', { timeout: 1_000 })
    expect([answer.exitCode, text(answer)]).toEqual([null, 'begun\n'])
    expect(leavings()).toEqual([])
  })

  it('is killed when nobody wants to know any more', async () => {
    const answer = await probe('exec sleep 1000', { signal: AbortSignal.timeout(1_000) })
    expect(answer.exitCode).toBeNull()
  })

  it('says why it can’t be started, and leaves nothing', async () => {
    const { spec } = await host.event(id, 'ContainerCreated')
    const missing = { id, runId, spec, command: ['no-such-command'], timeoutMilliseconds: 60_000 }
    await expect(runProbe(ports, missing, never)).rejects.toThrow('executable file not found')
    await expect(runProbe(ports, { ...missing, runId: 'another' }, never)).rejects.toThrow('another run')
    expect(leavings()).toEqual([])
  })

  it('leaves nothing in the log', async () => {
    expect((await host.types(id)).at(-1)).toBe('ProcessStarted')
  })
})
