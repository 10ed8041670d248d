/** Creations that wait their turn: how many are under way at once, and what ends a turn or a wait. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test as it } from 'vitest'
import { openSupervisor } from '../../../src/supervisor/local.ts'
import type { LocalSupervisor } from '../../../src/supervisor/local-port.ts'
import { buildShim, World } from './world.ts'

let world: World
let supervisor: LocalSupervisor

beforeAll(buildShim)

beforeEach(async () => {
  world = new World()
  supervisor = await open()
})

afterEach(async () => {
  for (const { id } of await supervisor.tasks()) await supervisor.delete(id)
  await supervisor[Symbol.asyncDispose]()
  world[Symbol.dispose]()
})

const open = () => openSupervisor({ ...world.options, launches: 1 })
const gate = (): string => join(world.execRoot, 'gate')

/** A container that is not created before the gate is opened. */
const held = () =>
  world.task(['sleep', '1000'], {
    runtime: world.script(`while [ ! -e ${gate()} ]; do sleep 0.02; done; exec runc "$@"`),
  })

const isLaunched = (id: string): boolean => existsSync(world.file(id, 'shim'))
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200))

it('launches the next when a container is created, in the order in which they were asked for', async () => {
  const first = held()
  const others = [world.task(['sleep', '1000']), world.task(['sleep', '1000'])]
  await supervisor.startShim(first)
  const order: string[] = []
  const waiting = others.map(async (task) => {
    await supervisor.startShim(task)
    order.push(task.id)
  })
  await settled()
  expect(others.map(({ id }) => isLaunched(id))).toEqual([false, false])
  writeFileSync(gate(), '')
  await Promise.all(waiting)
  expect(order).toEqual(others.map(({ id }) => id))
  for (const { id } of [first, ...others]) await supervisor.awaitPid(id)
})

it.each([
  ['its shim is killed', async (shim: number) => void process.kill(shim, 'SIGKILL')],
  ['it is deleted', (_: number, id: string) => supervisor.delete(id)],
])('launches the next when one can’t be created because %s', async (_, end) => {
  const first = held()
  const { pid } = await supervisor.startShim(first)
  const next = world.task(['sleep', '1000'])
  const waiting = supervisor.startShim(next)
  await end(pid, first.id)
  await waiting
  await supervisor.awaitPid(next.id)
  await expect(supervisor.awaitPid(first.id)).rejects.toThrow()
})

it('launches the next when the runtime refuses one, or there is no bundle for it', async () => {
  const refused = world.task(['nosuchcommand'])
  const [without, next] = [{ ...refused, id: 'without', bundle: '/nowhere' }, world.task('exit 3')]
  const [, failed] = await Promise.allSettled(
    [refused, without, next].map((task) => supervisor.startShim(task)),
  )
  expect(failed).toMatchObject({ status: 'rejected' })
  await expect(supervisor.awaitPid(refused.id)).rejects.toMatchObject({ exitCode: 127 })
  await supervisor.awaitPid(next.id)
})

it.each([
  ['is deleted', (id: string) => void supervisor.delete(id), /deleted before it was launched/],
  ['is given up', (_: string, cancel: AbortController) => cancel.abort(new Error('enough')), /enough/],
])('one that waits and %s is gone at once, and nothing of it was ever there', async (_, leave, reason) => {
  await supervisor.startShim(held())
  const task = world.task(['sleep', '1000'])
  const cancel = new AbortController()
  const waiting = supervisor.startShim(task, cancel.signal)
  await settled()
  leave(task.id, cancel)
  await expect(waiting).rejects.toThrow(reason)
  expect(world.remains(task.id).filter((line) => !line.startsWith(world.execRoot))).toEqual([])
  expect(await supervisor.task(task.id)).toBeUndefined()
  writeFileSync(gate(), '')
  await supervisor.startShim(task)
  await supervisor.awaitPid(task.id)
})

it('a container that an earlier supervisor began to create has its turn', async () => {
  await supervisor.startShim(held())
  await supervisor[Symbol.asyncDispose]()
  supervisor = await open()
  const next = world.task(['sleep', '1000'])
  const waiting = supervisor.startShim(next)
  await settled()
  expect(isLaunched(next.id)).toBe(false)
  writeFileSync(gate(), '')
  await waiting
  await supervisor.awaitPid(next.id)
})
