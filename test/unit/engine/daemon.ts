/** An engine on a real store and the simulated world, which can be killed at any moment and opened again. */

import { onTestFinished } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { fold, type Life } from '../../../machines/container-life.ts'
import { type Clock, nanoseconds, systemClock } from '../../../src/clock.ts'
import { openEngine, type RunningEngine } from '../../../src/engine/engine.ts'
import { messagesOf } from '../../../src/engine/messages.ts'
import type { CreateRequest, Engine } from '../../../src/engine/port.ts'
import { containerRow, streamOf } from '../../../src/engine/registry.ts'
import { Streams } from '../../../src/engine/streams.ts'
import { noFaults } from '../../../src/faults.ts'
import type { Origin } from '../../../src/origin.ts'
import { systemRandom } from '../../../src/random.ts'
import { openStore, type Store } from '../../../src/store/open.ts'
import type { MessageRow } from '../../../src/store/port.ts'
import { type Upcasts, upcasts } from '../../../src/store/upcast.ts'
import { systemTimers } from '../../../src/timers.ts'
import { rootfsHolds } from '../../../src/workers/rootfs-holds.ts'
import { temporaryPath } from '../store/temporary-store.ts'
import { createPorts, images } from './create-ports.ts'
import { World } from './world.ts'

const roots = { dataRoot: '/data', execRoot: '/run' }

export const origin: Origin = { requestId: 'request-1', request: 'a test' }

export interface DaemonOptions {
  readonly world: World
  readonly path: string
  readonly clock: Clock
  readonly bootId: string
  readonly upcasts: Upcasts
  /** Changes the store before the engine gets it. */
  readonly spoil: (store: Store) => Store
}

export interface Daemon extends Pick<RunningEngine, 'stopContainers'> {
  readonly engine: Engine
  readonly store: Store
  readonly world: World
  readonly reports: readonly { readonly message: string; readonly fields: object }[]
  readonly options: DaemonOptions
  /** Ends as `kill -9` does: nothing it was doing goes on, nothing is told. */
  crash(): Promise<void>
}

export async function openDaemon(given: Partial<DaemonOptions> = {}): Promise<Daemon> {
  const options: DaemonOptions = {
    world: new World(),
    path: given.path ?? temporaryPath(),
    clock: systemClock,
    bootId: 'boot',
    upcasts,
    spoil: (store) => store,
    ...given,
  }
  const { world, clock, bootId, path } = options
  const own = { upcasts: options.upcasts, onFatal: () => undefined }
  const store = options.spoil(openStore({ path, clock, bootId, ...own }))
  const gone = new AbortController()
  const reports: { readonly message: string; readonly fields: object }[] = []
  const workers = world.workers(gone.signal)
  const report = (message: string, fields: object): void => void reports.push({ message, fields })
  const { engine, stop, stopContainers } = await openEngine({
    ...{ ...store, images, workers, clock, bootId, report, create: createPorts(store, world) },
    ...{ leftovers: world.remains(gone.signal), cgroupParent: '/tallyman', validateUpdate: () => [] },
    ...{ timers: systemTimers, random: systemRandom, faults: noFaults },
    roots,
    holds: rootfsHolds(roots),
    supervisor: workers.supervisor,
    streams: new Streams({ closeStdin: async () => {}, attachOutput: async () => {}, report }),
  })
  const crash = async (): Promise<void> => {
    gone.abort()
    void stop().catch(() => undefined)
    await store.close()
  }
  onTestFinished(crash)
  return { engine, store, world, reports, options, stopContainers, crash }
}

/** The daemon comes back on the same log and world. */
export async function reopen(daemon: Daemon, changes: Partial<DaemonOptions> = {}): Promise<Daemon> {
  await daemon.crash()
  return openDaemon({ ...daemon.options, spoil: (store) => store, ...changes })
}

/** @returns the id of a new container. */
export async function create(
  { engine }: Daemon,
  { name = 'web', config = { Image: 'busybox' }, hostConfig = {} }: Partial<CreateRequest> = {},
): Promise<string> {
  const request = { name, config: { Cmd: ['top'], ...config }, hostConfig }
  return (await engine.create(request, origin)).id
}

export async function run(daemon: Daemon, request: Partial<CreateRequest> = {}): Promise<string> {
  const id = await create(daemon, request)
  await daemon.engine.start(id, origin)
  return id
}

export const eventTypes = ({ engine }: Daemon, id: string): readonly string[] =>
  engine.history(id).map(({ event }) => event.type)

/** What `docker events` shows, in short. */
export const actions = ({ store }: Daemon): readonly string[] =>
  [...store.messages.range({})].map(({ action }) => action)

export const messages = ({ store }: Daemon): readonly MessageRow[] => [...store.messages.range({})]

/** What the log says, folded from its beginning. */
export const folded = ({ store }: Daemon, id: string): Life =>
  fold(store.events.read<ContainerEvent>(streamOf(id)).map(({ event }) => event))

/** All that is read from projections. */
export const projections = ({ store }: Daemon) => ({
  containers: store.containers.list(),
  messages: [...store.messages.range({})],
})

/** Fills the projections anew from the log. */
export function rebuild({ store }: Daemon): void {
  const lives = new Map<string, Life>()
  store.rebuild((recorded) => {
    const event = recorded.event as ContainerEvent
    const id = recorded.stream.replace('container/', '')
    const life = fold([event], lives.get(id))
    lives.set(id, life)
    store.containers.put(containerRow(id, recorded.version, life))
    const timeNano = nanoseconds(recorded.meta.time)
    for (const [ordinal, message] of messagesOf(event, life.context).entries())
      store.messages.put({
        position: recorded.position,
        ordinal,
        timeNano,
        type: 'container',
        actorId: id,
        ...message,
      })
  })
}
