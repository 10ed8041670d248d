/** Puts tallyd together: store, images, supervisor, workers, engine and API, opened in this order and closed in the other. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { DaemonInfo } from './api/daemon-info.ts'
import { createServer } from './api/server.ts'
import { type Clock, systemClock } from './clock.ts'
import { catchUp } from './engine/catch-up.ts'
import type { CreatePorts } from './engine/create.ts'
import { createChecks, updateChecks } from './engine/create-checks.ts'
import type { EffectWorkers } from './engine/effects.ts'
import { type EngineOptions, openEngine, type RunningEngine } from './engine/engine.ts'
import { peerFinder } from './engine/peers.ts'
import { endsItsStdin, Streams, type StreamTarget } from './engine/streams.ts'
import { openUpkeep } from './engine/upkeep.ts'
import type { Faults } from './faults.ts'
import { openImages } from './images/store.ts'
import { openWorkspace } from './images/workspace.ts'
import { bootId } from './kernel/host.ts'
import { requireOverlay, requireRoot, requireRuntime } from './kernel/requirements.ts'
import type { CheckFacts } from './oci/check-options.ts'
import type { HostFacts } from './oci/facts.ts'
import {
  bundlePath,
  containersRoot,
  databasePath,
  type Roots,
  runtimeRoot,
  supervisorRoot,
  supervisorSocketPath,
  temporaryRoot,
} from './paths.ts'
import { type Random, systemRandom } from './random.ts'
import { takeLock } from './store/lock.ts'
import { openStore, type Store } from './store/open.ts'
import { connectSupervisor } from './supervisor/grpc/client.ts'
import { claimSocket, serveSupervisor } from './supervisor/grpc/server.ts'
import { openSupervisor } from './supervisor/local.ts'
import type { Supervisor } from './supervisor/port.ts'
import { supervisorVersion } from './supervisor/version.ts'
import { systemTimers, type Timers } from './timers.ts'
import { openVolumes } from './volumes/open.ts'
import { bundleWorker } from './workers/bundle.ts'
import { releaseCgroupParent } from './workers/cgroup-parent.ts'
import { removeContainerFiles } from './workers/container-files.ts'
import { execWorker } from './workers/exec.ts'
import { readHostFacts } from './workers/host-facts.ts'
import type { InitOptions } from './workers/init-program.ts'
import { prepareLayerRoot, releaseLayerRoot } from './workers/layer-root.ts'
import { createContainerLayers, removeContainerLayers } from './workers/layers.ts'
import { keepingWritten, leftoversOf } from './workers/leftovers.ts'
import { limitsWorker } from './workers/limits.ts'
import type { FindPeer } from './workers/peer.ts'
import { rootfsWorker } from './workers/rootfs.ts'
import { type RootfsHolds, rootfsHolds } from './workers/rootfs-holds.ts'
import { awaitPidWorker, startProcessWorker, startShimWorker, stdioOf } from './workers/task.ts'
import type { Job } from './workers/worker.ts'

export interface DaemonSettings {
  readonly roots: Roots
  /** Absolute paths of the unix sockets to serve the API on. */
  readonly sockets: readonly string[]
  readonly runtimes: Readonly<Record<string, { readonly path: string }>>
  readonly defaultRuntime: string
  /** Socket of a supervisor in another process; absent: it runs inside. */
  readonly containerd?: string
  /** Empty: `/tallyman`. */
  readonly cgroupParent: string
  /** What `--init` means, and for whom. */
  readonly init: InitOptions
  readonly faults: Faults
  readonly log: { readonly driver: string; readonly options: Readonly<Record<string, string>> }
  /** Containers go on when the daemon is closed; otherwise they are stopped. */
  readonly liveRestore: boolean
  /** Seconds for stopping them; -1: for ever. */
  readonly shutdownTimeout: number
}

/** What the daemon lives in, so that a test can let it wait shorter or find itself after a reboot. */
export interface Surroundings {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly bootId: string
}

export const systemSurroundings = (): Surroundings => ({
  ...{ clock: systemClock, timers: systemTimers, random: systemRandom },
  bootId: bootId(),
})

/** Opens everything and serves the API. @throws TallyError with one sentence for what is missing. */
export async function openDaemon(
  settings: DaemonSettings,
  logger: Logger,
  surroundings = systemSurroundings(),
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const { roots } = settings
  const { clock, bootId } = surroundings
  requireRoot()
  await makeDirectories(roots)
  // First of all: a second daemon must be refused before it touches what belongs to the first.
  const lock = stack.adopt(takeLock(databasePath(roots)), ({ release }) => release())
  await prepareHost(settings)
  stack.defer(async () => void (await releaseLayerRoot(roots)))
  stack.defer(() => releaseCgroupParent(parentGroup(settings)))
  const store = openStore({ path: databasePath(roots), lock, clock, bootId })
  stack.defer(() => store.close())
  const report = (message: string, fields: object): void => logger.warn(fields, message)
  catchUp(store, report)
  const images = await openImages({ roots, store, clock })
  const supervisor = await chooseSupervisor(settings, { logger, clock, stack })
  const streams = new Streams({ ...bound(supervisor), report })
  const host = await readHostFacts()
  const holds = rootfsHolds(roots)
  const findPeer = peerFinder(store.containers)
  const volumes = await openVolumes({
    ...{ roots, holds, store, clock, report },
    ...{ random: surroundings.random, faults: settings.faults },
  })
  const workers = effectWorkers(settings, { supervisor, streams, host, bootId, holds, findPeer })
  const create = { ...createPorts(settings, { store, images, host }), ...volumes }
  const { events, containers, messages } = store
  const all = leftoversOf(roots)
  const leftovers = events.head() === 0 ? keepingWritten(all, report) : all
  const running = await openEngine({
    ...{ roots, events, containers, messages, images, supervisor, workers, streams, create, report },
    validateUpdate: updateChecks(checkFacts(settings, host)),
    ...{ holds, leftovers, cgroupParent: parentGroup(settings) },
    ...{ ...surroundings, faults: settings.faults },
  })
  stack.defer(() => running.stop())
  const upkeep = openUpkeep(store, await openWorkspace(roots, 'upkeep'))
  const daemon = daemonInfo(settings, host, clock)
  const app = createServer({ engine: running.engine, daemon, upkeep, logger })
  stack.defer(() => app.close())
  for (const socket of settings.sockets) await listen(app, socket)
  if (!settings.liveRestore) stack.defer(() => stopContainers(settings, running))
  return stack.move()
}

/** As in dockerd nobody can connect any more, and who is connected sees the containers end. */
async function stopContainers(
  { sockets, shutdownTimeout: timeoutSeconds }: DaemonSettings,
  running: RunningEngine,
): Promise<void> {
  for (const socket of sockets) await rm(socket, { force: true })
  const origin = { requestId: randomUUID(), request: 'shutdown of the daemon', pid: process.pid }
  await running.stopContainers({ timeoutSeconds, origin })
}

async function makeDirectories(roots: Roots): Promise<void> {
  const directories = [roots.dataRoot, roots.execRoot, containersRoot(roots), temporaryRoot(roots)]
  for (const directory of directories) await mkdir(directory, { recursive: true, mode: 0o711 })
}

async function prepareHost({ roots, runtimes, defaultRuntime }: DaemonSettings): Promise<void> {
  await requireRuntime(runtimes[defaultRuntime]?.path ?? defaultRuntime)
  await requireOverlay(roots.dataRoot)
  await prepareLayerRoot(roots)
}

const bound = (supervisor: Supervisor) => ({
  closeStdin: (id: string) => supervisor.closeStdin(id),
  attachOutput: (id: string) => supervisor.attachOutput(id),
})

async function chooseSupervisor(
  { roots, containerd, runtimes, defaultRuntime, faults }: DaemonSettings,
  {
    logger,
    clock,
    stack,
  }: { readonly logger: Logger; readonly clock: Clock; readonly stack: AsyncDisposableStack },
): Promise<Supervisor> {
  if (containerd !== undefined) return stack.use(await connectSupervisor(containerd))
  const runtime = runtimes[defaultRuntime]?.path ?? defaultRuntime
  return openLocalSupervisor({ roots, runtime, faults }, { logger, clock, stack })
}

/** The supervisor in this process, serving gRPC on its socket as well; closed with `stack`. */
export async function openLocalSupervisor(
  { roots, runtime, faults, socket = supervisorSocketPath(roots) }: LocalSupervisorSettings,
  {
    logger,
    clock,
    stack,
  }: { readonly logger: Logger; readonly clock: Clock; readonly stack: AsyncDisposableStack },
): Promise<Supervisor> {
  await claimSocket(socket)
  const shim = fileURLToPath(new URL('../build/tally-shim', import.meta.url))
  await mkdir(supervisorRoot(roots), { recursive: true, mode: 0o711 })
  const options = {
    root: supervisorRoot(roots),
    runtimeRoot: runtimeRoot(roots),
    shim,
    logger,
    clock,
    faults,
  }
  const supervisor = stack.use(await openSupervisor({ ...options, defaultRuntime: runtime }))
  stack.use(await serveSupervisor(supervisor, { socket, logger }))
  return supervisor
}

export interface LocalSupervisorSettings {
  readonly roots: Roots
  /** The OCI runtime for tasks that name none. */
  readonly runtime: string
  readonly faults: Faults
  readonly socket?: string
}

const parentGroup = ({ cgroupParent }: DaemonSettings): string => cgroupParent || '/tallyman'

function effectWorkers(
  settings: DaemonSettings,
  {
    supervisor,
    streams,
    host,
    bootId,
    holds,
    findPeer,
  }: {
    readonly supervisor: Supervisor
    readonly streams: Streams
    readonly host: HostFacts
    readonly bootId: string
    readonly holds: RootfsHolds
    readonly findPeer: FindPeer
  },
): EffectWorkers {
  const { roots, runtimes, init } = settings
  const targetOf = ({ id, spec }: Job): StreamTarget => ({
    id,
    stdio: stdioOf(bundlePath(roots, id), spec),
    stdinOnce: endsItsStdin(spec.config),
  })
  const task = {
    roots,
    supervisor,
    bootId,
    runtimePath: (name: string) => runtimes[name]?.path ?? name,
    openStreams: (job: Job) => streams.open(targetOf(job)),
    feedStreams: (job: Job) => streams.feed(targetOf(job)),
    closeStreams: (job: Job) => streams.close(targetOf(job)),
  }
  return {
    supervisor,
    launch: {
      mountRootfs: rootfsWorker({ roots, holds }),
      prepareBundle: bundleWorker({ roots, host, cgroupParent: parentGroup(settings), init, findPeer }),
      startShim: startShimWorker(task),
      awaitPid: awaitPidWorker(task),
      startProcess: startProcessWorker(task),
    },
    exec: execWorker({ roots, host }),
    applyLimits: limitsWorker({ supervisor, host }),
    async remove(id) {
      await removeContainerLayers(roots, id)
      await removeContainerFiles(roots, id)
    },
  }
}

const checkFacts = ({ runtimes }: DaemonSettings, host: HostFacts): CheckFacts => ({
  host,
  runtimes: Object.keys(runtimes),
  pathExists: existsSync,
})

function createPorts(
  settings: DaemonSettings,
  {
    store,
    images,
    host,
  }: {
    readonly store: Store
    readonly images: CreatePorts['images']
    readonly host: HostFacts
  },
): Omit<EngineOptions['create'], 'volumes' | 'fillVolumes'> {
  const { roots, defaultRuntime, log } = settings
  return {
    containers: store.containers,
    images,
    durable: () => store.events.durable(),
    makeLayers: (id, image) => createContainerLayers(roots, id, image),
    removeLayers: (id) => removeContainerLayers(roots, id),
    defaults: { runtime: defaultRuntime, log: { Type: log.driver, Config: log.options } },
    validate: createChecks(checkFacts(settings, host)),
  }
}

function daemonInfo(settings: DaemonSettings, host: HostFacts, clock: Clock): DaemonInfo {
  const { roots, runtimes, defaultRuntime, liveRestore } = settings
  const { version, revision } = supervisorVersion()
  return {
    ...{ roots, runtimes, defaultRuntime, liveRestore, version },
    name: hostname(),
    apiVersion: '1.41',
    minApiVersion: '1.24',
    gitCommit: revision,
    buildTime: '',
    cgroup: { driver: 'cgroupfs', version: host.cgroupVersion === 2 ? '2' : '1' },
    startedAt: clock.now(),
  }
}

/** A socket left over from a daemon that was killed is replaced; the database's lock already says that none lives. */
async function listen(app: FastifyInstance, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o711 })
  await rm(path, { force: true })
  await app.listen({ path })
  await chmod(path, 0o660)
}
