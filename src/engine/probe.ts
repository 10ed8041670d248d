/** A command that is run in a container to ask how it is: a health check's. It leaves nothing in the log; a crash of the daemon ends it. */
import { Writable } from 'node:stream'
import type { ExecConfig } from '../../machines/exec-events.ts'
import type { ContainerSpec } from '../../machines/spec.ts'
import type { Random } from '../random.ts'
import type { ExecRef, Supervisor } from '../supervisor/port.ts'
import type { Timers } from '../timers.ts'
import type { ExecJob, ExecWorker } from '../workers/exec.ts'
import type { Streams, StreamTarget } from './streams.ts'

export interface ProbePorts {
  readonly supervisor: Supervisor
  readonly worker: ExecWorker
  /** Those of execs. */
  readonly streams: Streams
  readonly timers: Timers
  readonly random: Random
}

export interface Probe {
  /** The container, and the run that the probe belongs to. */
  readonly id: string
  readonly runId: string
  readonly spec: ContainerSpec
  readonly command: readonly string[]
  readonly timeoutMilliseconds: number
}

export interface ProbeResult {
  /** Null: it was killed because its time was up. */
  readonly exitCode: number | null
  /** The first bytes of stdout and stderr as they came, 4096 at most. */
  readonly output: Buffer
  /** Whether there was more. */
  readonly truncated: boolean
}

const longestOutput = 4096

/**
 * Answers when the command has ended, or was killed and has ended. When `signal` aborts it is killed as well.
 * @throws TallyError if it can't be started, for one because the container does not run
 */
export async function runProbe(ports: ProbePorts, probe: Probe, signal: AbortSignal): Promise<ProbeResult> {
  signal.throwIfAborted()
  const job = jobOf(ports, probe)
  const target = { id: job.execId, stdio: ports.worker.stdio(job), stdinOnce: false }
  const beginning = new Beginning()
  const streams = { stdout: beginning.writable(), stderr: beginning.writable() }
  const forEver = new AbortController().signal
  const { ended } = await ports.streams.attach(target, streams, { running: false, signal: forEver })
  const exitCode = await runAndRelease(ports, { job, probe, target }, signal)
  await ended
  return { exitCode, output: beginning.bytes, truncated: beginning.truncated }
}

interface Underway {
  readonly job: ExecJob
  readonly target: StreamTarget
  readonly probe: Probe
}

async function runAndRelease(
  ports: ProbePorts,
  underway: Underway,
  signal: AbortSignal,
): Promise<number | null> {
  try {
    return await run(ports, underway, signal)
  } finally {
    await release(ports, underway)
  }
}

async function run(
  ports: ProbePorts,
  { job, target, probe }: Underway,
  signal: AbortSignal,
): Promise<number | null> {
  const { supervisor, worker, streams } = ports
  const spec = worker.prepare(job, probe.spec)
  streams.open(target)
  await supervisor.startExec(spec)
  await supervisor.awaitPid(refOf(job))
  return endOf(ports, refOf(job), { milliseconds: probe.timeoutMilliseconds, signal })
}

/** What was written and not yet read is read meanwhile. */
async function release(
  { supervisor, streams, worker }: ProbePorts,
  { job, target }: Underway,
): Promise<void> {
  try {
    await supervisor.delete(refOf(job))
  } finally {
    streams.close(target)
    await worker.release(job)
  }
}

const refOf = ({ id, execId }: ExecJob): ExecRef => ({ id, execId })

function jobOf({ random }: ProbePorts, { id, runId, command }: Probe): ExecJob {
  const config: ExecConfig = {
    ...{ Cmd: command, Env: [], User: '', WorkingDir: '', Privileged: false, Tty: false },
    ...{ AttachStdin: false, AttachStdout: true, AttachStderr: true },
  }
  return { id, runId, execId: random.hex(32), config, attached: true }
}

/** @returns null if it had to be killed. */
async function endOf(
  { supervisor, timers }: ProbePorts,
  ref: ExecRef,
  { milliseconds, signal }: { readonly milliseconds: number; readonly signal: AbortSignal },
): Promise<number | null> {
  let killed = false
  const kill = (): void => {
    killed = true
    // One that has ended meanwhile can't be killed; its end is told all the same.
    supervisor.kill(ref, 'SIGKILL').catch(() => undefined)
  }
  const cancel = timers.after(milliseconds, kill)
  signal.addEventListener('abort', kill, { once: true })
  try {
    const { exitCode } = await supervisor.wait(ref)
    return killed ? null : exitCode
  } finally {
    cancel()
    signal.removeEventListener('abort', kill)
  }
}

/** Keeps the first bytes of what is written, whoever of several writes it. */
class Beginning {
  readonly #chunks: Buffer[] = []
  #room = longestOutput
  truncated = false

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  writable(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#keep(chunk)
        done()
      },
    })
  }

  #keep(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#room)
    this.#room -= kept.length
    if (kept.length < chunk.length) this.truncated = true
    if (kept.length > 0) this.#chunks.push(kept)
  }
}
