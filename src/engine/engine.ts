/** The engine: puts the lives of the containers, the workers and the projections together behind the port that the API uses. */
import { join } from 'node:path'
import type { Life } from '../../machines/container-life.ts'
import type { Clock } from '../clock.ts'
import { nanoseconds } from '../clock.ts'
import { noSuchContainer } from '../errors.ts'
import type { Faults } from '../faults.ts'
import type { Images } from '../images/port.ts'
import { processorTime } from '../kernel/processor-time.ts'
import { bundlePath, type Roots } from '../paths.ts'
import type { Random } from '../random.ts'
import type { ContainerRows, EventStore, MessageRows } from '../store/port.ts'
import type { Supervisor } from '../supervisor/port.ts'
import type { Timers } from '../timers.ts'
import type { Leftovers } from '../workers/leftovers.ts'
import type { RootfsHolds } from '../workers/rootfs-holds.ts'
import { stdioOf } from '../workers/task.ts'
import * as commands from './commands.ts'
import { commitContainer } from './commit.ts'
import { type CreatePorts, createContainer } from './create.ts'
import { recordOfDaemon } from './daemon-record.ts'
import { type EffectWorkers, perform } from './effects.ts'
import { releaseOrphanExecs } from './exec-orphans.ts'
import { Execs, execCommands } from './execs.ts'
import { targetOf } from './facts.ts'
import * as files from './files.ts'
import { killInWords } from './kill.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { AttachStreams, Engine, WaitCondition, WaitResult } from './port.ts'
import { checkPsArgs } from './process-table.ts'
import { findContainer, followMessages, historyOf, viewOf } from './queries.ts'
import { recover } from './recovery.ts'
import { newRunId, Registry } from './registry.ts'
import { renameContainer } from './rename.ts'
import { type ShutdownOptions, stopContainers } from './shutdown.ts'
import { endsItsStdin, Streams } from './streams.ts'
import { followTasks } from './supervision.ts'
import { resizeTerminal } from './terminal.ts'
import { listContainerProcesses } from './top.ts'
import type { Update } from './update.ts'
import { followUsage, UsageWatch } from './usage.ts'
import { exitCode } from './view.ts'

export interface EngineOptions {
  readonly roots: Roots
  readonly events: EventStore
  readonly containers: ContainerRows
  readonly messages: MessageRows
  readonly images: Images
  readonly supervisor: Supervisor
  readonly workers: EffectWorkers
  readonly streams: Pick<Streams, 'attach'>
  readonly leftovers: Leftovers
  /** Those that the worker of root file systems has. */
  readonly holds: RootfsHolds
  /** The control group that holds those of containers which ask for no other. */
  readonly cgroupParent: string
  readonly create: Omit<CreatePorts, 'registry' | 'clock' | 'random' | 'faults'>
  /** Answers with warnings. Throws what makes no sense, in Docker's words. */
  readonly validateUpdate: (update: Update) => readonly string[]
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly faults: Faults
  readonly bootId: string
  readonly report: (message: string, fields: object) => void
}

export interface RunningEngine {
  readonly engine: Engine
  /** Stops what runs, for a daemon that does not leave its containers running when it ends. */
  stopContainers(options: ShutdownOptions): Promise<void>
  /** Ends effects and timers; containers go on. */
  stop(): Promise<void>
}

/** Opens the engine on what the log holds: every container is folded and its pending effects are running when this resolves. */
export async function openEngine(options: EngineOptions): Promise<RunningEngine> {
  const { workers, events, containers, messages, clock, timers, faults, report } = options
  const { volumes } = options.create
  const endExecs = (id: string, signal: AbortSignal): Promise<void> => execs.endAll(id, signal)
  const effectPorts = { ...workers, faults, volumes, durable: () => events.durable(), endExecs }
  const registry = new Registry({
    events,
    containers,
    messages,
    clock,
    timers,
    random: options.random,
    faults,
    report,
    perform: (effect, life, signal) => perform(effectPorts, { effect, life }, signal),
  })
  const execs = openExecs(options, registry)
  const closing = new AbortController()
  const recovered = Promise.withResolvers<void>()
  const observed = followTasks(
    { ...options, registry },
    { recovered: recovered.promise, signal: closing.signal },
  )
  await recoverAll(options, registry, execs).catch((error) => {
    closing.abort()
    throw error
  })
  recovered.resolve()
  const stop = async (): Promise<void> => {
    closing.abort()
    await Promise.all([observed, registry.stop(), execs.stop()])
    await events.durable()
  }
  const shutdown = { registry, commands: commandPorts(options), timers, report }
  return {
    engine: facade(options, registry, execs),
    stopContainers: (how) => stopContainers(shutdown, how),
    stop,
  }
}

/** Execs are there before containers go on: a container is not released while one runs in it. */
async function recoverAll(options: EngineOptions, registry: Registry, execs: Execs): Promise<void> {
  execs.registry.load()
  await recover({ ...options, registry })
  execs.registry.resume()
  await releaseOrphanExecs({ ...options, execs: execs.registry })
}

const commandPorts = ({ clock, random, events }: EngineOptions): commands.CommandPorts => ({
  clock,
  newRunId: () => newRunId(random),
  durable: () => events.durable(),
})

function openExecs(options: EngineOptions, registry: Registry): Execs {
  const { supervisor, report, workers } = options
  const streams = new Streams({
    closeStdin: async (execId) => supervisor.closeStdin(execs.refOf(execId)),
    attachOutput: async (execId) => supervisor.attachOutput(execs.refOf(execId)),
    report,
  })
  const execs: Execs = new Execs({ ...options, registry, streams, worker: workers.exec })
  return execs
}

function facade(options: EngineOptions, registry: Registry, execs: Execs): Engine {
  const { containers, events, messages, clock, random, faults } = options
  const ports = commandPorts(options)
  const createPorts = { ...options.create, clock, random, faults, registry }
  const filePorts = { roots: options.roots, holds: options.holds, durable: ports.durable }
  const find = (ref: string): Lifecycle => {
    const { id } = findContainer(containers, ref)
    const lifecycle = registry.get(id)
    if (lifecycle === undefined) throw noSuchContainer(ref)
    return lifecycle
  }
  const watch = new UsageWatch({ ...options, processorTime })
  return {
    images: options.images,
    volumes: options.create.volumes,
    execs: execCommands(execs, find),
    create: (request, origin) => createContainer(createPorts, request, origin),
    start: async (ref, origin) => commands.start(ports, find(ref), origin),
    stop: async (ref, how, origin) => commands.stop(ports, find(ref), how, origin),
    restart: async (ref, how, origin) => commands.restart(ports, find(ref), how, origin),
    kill: (ref, text, origin) =>
      killInWords({ ref, text }, async () => commands.kill(ports, find(ref), text, origin)),
    pause: async (ref, origin) => commands.pause(ports, find(ref), origin),
    unpause: async (ref, origin) => commands.unpause(ports, find(ref), origin),
    async update(ref, wanted, origin) {
      const lifecycle = find(ref)
      const warnings = options.validateUpdate(wanted)
      await commands.update(ports, lifecycle, wanted, origin)
      return warnings
    },
    remove: async (ref, how, origin) => commands.remove(ports, find(ref), how, origin),
    rename: (ref, name, origin) => renameContainer({ ...ports, containers, find }, ref, name, origin),
    wait: async (ref, condition, signal) => ({ result: waitFor(find(ref), condition, signal) }),
    async attach(ref, streams, origin, signal) {
      const lifecycle = find(ref)
      lifecycle.observe({ type: 'Attached' }, origin)
      return attach(options, lifecycle, streams, signal)
    },
    detached: async (ref, origin) => void find(ref).observe({ type: 'Detached' }, origin),
    resize: async (ref, size, origin) =>
      resizeTerminal({ ...ports, supervisor: options.supervisor }, find(ref), size, origin),
    statPath: async (ref, path) => files.pathStatOf(filePorts, find(ref), { ref, path }),
    archive: async (ref, path, origin) => files.archivePath(filePorts, find(ref), { ref, path }, origin),
    putArchive: async (ref, body, how, origin) =>
      files.extractArchive(filePorts, find(ref), { ...how, ref, body }, origin),
    changes: async (ref) => files.layerChanges(filePorts, find(ref)),
    export: async (ref, origin) => files.exportTree(filePorts, find(ref), origin),
    commit: async (ref, how, origin) => commitContainer({ ...options, ...ports }, find(ref), how, origin),
    async top(ref, psArgs, origin) {
      checkPsArgs(psArgs)
      return listContainerProcesses({ ...ports, supervisor: options.supervisor }, find(ref), psArgs, origin)
    },
    usage: async (ref) => watch.read(find(ref).life.context.id),
    followUsage: (ref, signal) => followUsage(watch, find(ref), signal),
    notePruned: (kind, reclaimed, origin) =>
      recordOfDaemon({ events, messages }, { type: 'Pruned', kind, reclaimed }, origin),
    get: (ref) => viewOf(findContainer(containers, ref)),
    list: () => containers.list().map(viewOf),
    messages: (range, signal) => {
      const now = (): bigint => nanoseconds(clock.now())
      return followMessages({ events, messages, now }, range, signal)
    },
    history: (ref) => historyOf(containers, events, ref),
  }
}

async function waitFor(
  lifecycle: Lifecycle,
  condition: WaitCondition,
  signal: AbortSignal,
): Promise<WaitResult> {
  const { life } = lifecycle
  if (condition === 'not-running' && !commands.isActive(life) && !life.matches('restarting'))
    return { exitCode: exitCode(life.context.run?.outcome) }
  if (condition !== 'removed')
    return commands.nextExit(lifecycle, { ending: condition === 'not-running', signal })
  await lifecycle.until((now) => (now.matches('removed') ? true : undefined), signal)
  return { exitCode: exitCode(lifecycle.life.context.run?.outcome) }
}

async function attach(
  { roots, streams: hub }: EngineOptions,
  lifecycle: Lifecycle,
  streams: AttachStreams,
  signal: AbortSignal,
): Promise<{ readonly ended: Promise<void> }> {
  const life = await lifecycle.until((now) => (pipesInMotion(now) ? undefined : now), signal)
  const { id, spec } = targetOf({ life })
  const stdio = stdioOf(join(bundlePath(roots, id)), spec)
  const target = { id, stdio, stdinOnce: endsItsStdin(spec.config) }
  return hub.attach(target, streams, { running: life.matches('running'), signal })
}

/** While the pipes are being opened or closed nobody can join: it would be one run's session on another's pipes. */
const pipesInMotion = (life: Life): boolean =>
  life.matches('releasing') ||
  life.matches({ launching: 'bundle-ready' }) ||
  life.matches({ launching: 'shim-started' }) ||
  life.matches({ launching: 'pid-recorded' })
