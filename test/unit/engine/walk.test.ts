/** Walks through commands, accidents and crashes at random, and looks after each step whether the log, the projections and the world agree. */
import fc from 'fast-check'
import { expect, test as it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { isActive } from '../../../src/engine/commands.ts'
import { TallyError } from '../../../src/errors.ts'
import { create, type Daemon, folded, openDaemon, origin, projections, rebuild, reopen } from './daemon.ts'
import { turns } from './turns.ts'
import type { Operation, World } from './world.ts'

const names = ['web', 'db'] as const
const operations: readonly Operation[] = [
  ...(['mountRootfs', 'prepareBundle', 'startShim', 'awaitPid', 'startProcess'] as const),
  ...(['unmount', 'dropBundle', 'kill', 'delete', 'removeLayers'] as const),
]

const word = fc.constantFrom(
  ...(['create', 'start', 'start', 'start', 'start', 'start', 'start', 'stop', 'stop', 'restart'] as const),
  ...(['kill', 'hup', 'hup', 'remove', 'force', 'rename', 'exit', 'oom', 'crash', 'reboot'] as const),
  ...(['freeze', 'freeze', 'thaw'] as const),
)
const step = fc.record({
  word,
  name: fc.constantFrom(...names),
  fault: fc.oneof({ weight: 6, arbitrary: fc.constant(null) }, fc.constantFrom(...operations)),
  pause: fc.constantFrom(0, 1, 3, 8, 30),
  survives: fc.constantFrom([1], [1, 15]),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

interface Walk {
  daemon: Daemon
  readonly faults: Set<Operation>
  /** Asked of the present daemon. */
  commands: Promise<unknown>[]
  readonly ids: Set<string>
}

it('Whatever is asked for and whatever happens, the log, the projections and the world agree', async () => {
  const walks = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), fc.nat(), takeWalk)
  const walked = await fc.check(walks, { numRuns: 30, endOnFailure: true })
  expect(fc.defaultReportMessage(walked)).toBeUndefined()
}, 60_000)

async function takeWalk(steps: readonly Step[], seed: number): Promise<void> {
  const daemon = await openDaemon()
  const walk: Walk = { daemon, faults: new Set(), commands: [], ids: new Set() }
  prepareWorld(daemon.world, walk.faults, seed)
  for (const name of names) walk.ids.add(await create(daemon, { name }))
  for (const one of steps) {
    await take(walk, one)
    await turns(one.pause)
    checkLog(walk)
  }
  walk.faults.clear()
  await comeToRest(walk)
  await Promise.all(walk.commands)
  checkRest(walk)
}

/** Operations take a few turns each, some many, by a generator of Lehmer's; those named in `faults` fail once. */
function prepareWorld(world: World, faults: Set<Operation>, seed: number): void {
  let state = (seed % 2_147_483_646) + 1
  world.delay = () => {
    state = (state * 48_271) % 2_147_483_647
    return state % 8 === 0 ? 25 : state % 3
  }
  world.hinder = (operation) => {
    if (faults.delete(operation)) throw new TallyError('internal', `${operation} failed`, { exitCode: 127 })
  }
}

async function take(walk: Walk, { word: what, name, fault, survives }: Step): Promise<void> {
  if (fault !== null) walk.faults.add(fault)
  const { world } = walk.daemon
  const id = idOf(walk, name)
  if (id !== undefined) world.programs.set(id, { survives })
  if (what === 'crash' || what === 'reboot') await crash(walk, what)
  if (id !== undefined) happen(world, what, id)
  ask(walk, what, name)
}

async function crash(walk: Walk, what: 'crash' | 'reboot'): Promise<void> {
  const { world, options } = walk.daemon
  await walk.daemon.crash()
  if (what === 'reboot') world.reboot()
  walk.daemon = await reopen(walk.daemon, {
    bootId: what === 'reboot' ? `${options.bootId}+` : options.bootId,
  })
  walk.commands = []
}

function happen(world: World, what: Step['word'], id: string): void {
  const status = world.tasks.get(id)?.state.status
  if (status !== 'running' && status !== 'paused') return
  if (what === 'exit') world.exit(id, 3)
  if (what === 'oom') world.runOutOfMemory(id)
  if (what === 'freeze') world.freeze(id, true)
  if (what === 'thaw') world.freeze(id, false)
}

/** Every command ends well or with an error that a user may read; those that a crash cut off never end. */
function ask(walk: Walk, what: Step['word'], name: string): void {
  const { engine } = walk.daemon
  const commands: Partial<Record<Step['word'], () => Promise<unknown>>> = {
    create: async () => walk.ids.add(await create(walk.daemon, { name })),
    start: () => engine.start(name, origin),
    stop: () => engine.stop(name, { timeoutSeconds: 0 }, origin),
    restart: () => engine.restart(name, { timeoutSeconds: 0 }, origin),
    kill: () => engine.kill(name, 'KILL', origin),
    hup: () => engine.kill(name, 'HUP', origin),
    remove: () => engine.remove(name, { force: false, volumes: false }, origin),
    force: () => engine.remove(name, { force: true, volumes: true }, origin),
    rename: () => engine.rename(name, name === 'web' ? 'db' : 'web', origin),
  }
  const asked = commands[what]?.().catch((error) => expect(error).toBeInstanceOf(TallyError))
  if (asked !== undefined) walk.commands.push(asked)
}

const idOf = ({ daemon }: Walk, name: string): string | undefined => daemon.store.containers.byName(name)?.id

function checkLog({ daemon, ids }: Walk): void {
  for (const id of ids) {
    const { value, context } = folded(daemon, id)
    expect(daemon.store.containers.byId(id)?.state).toEqual(JSON.parse(JSON.stringify({ value, context })))
    checkRuns(daemon.engine.history(id).map(({ event }) => event))
  }
}

/** Each run starts, ends and is released once at most, and nothing begins before the one before it is released. */
function checkRuns(events: readonly ContainerEvent[]): void {
  for (const type of ['ProcessStarted', 'ProcessExited', 'Released'] as const) {
    const runs = events.flatMap((event) => (event.type === type ? [event.runId] : []))
    expect(new Set(runs).size).toBe(runs.length)
  }
  const turning = events.flatMap(({ type }) =>
    type === 'RootfsMounted' || type === 'Released' ? [type] : [],
  )
  expect(turning.join(' ')).not.toContain('RootfsMounted RootfsMounted')
}

/** All programs end, and the daemon is given the time that it needs for what is left to do. */
async function comeToRest({ daemon, ids }: Walk): Promise<void> {
  const { world } = daemon
  const isBusy = (id: string): boolean => {
    const life = folded(daemon, id)
    return isActive(life) || life.matches('removing')
  }
  const settle = (): readonly string[] => {
    for (const id of ids) world.exit(id, 0)
    return [...ids].filter(isBusy)
  }
  await expect.poll(settle, { timeout: 10_000, interval: 5 }).toEqual([])
}

function checkRest({ daemon, ids }: Walk): void {
  const { world, store } = daemon
  for (const id of ids) expect(world.leftovers(id)).toEqual([])
  const alive = store.containers.list().map(({ id }) => id)
  expect([...world.layers].sort()).toEqual(alive.toSorted())
  const before = projections(daemon)
  rebuild(daemon)
  expect(projections(daemon)).toEqual(before)
  expect(store.events.verify().damage).toBeUndefined()
}
