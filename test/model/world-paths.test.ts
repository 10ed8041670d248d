/**
 * The paths of the machine, walked by the whole engine on a simulated world: its log takes exactly the path, and what it does, waits for
 * and shows is what the machine's state says. Where it records no command, it is shown to refuse it or to let it wait.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ContainerEvent } from '../../machines/container-events.ts'
import {
  evolve,
  type Life,
  milestone,
  newLife,
  pendingEffects,
  pendingTimer,
  save,
} from '../../machines/container-life.ts'
import { decide } from '../../src/engine/decide.ts'
import { replay } from '../../src/engine/replay.ts'
import type { TallyError } from '../../src/errors.ts'
import { alphabet, point } from './alphabet.ts'
import { Coverage } from './coverage.ts'
import { otherEdges, type Path, shortestPaths, simplePaths } from './paths.ts'
import { SteeredEngine } from './steered-engine.ts'
import { commandOf } from './walker.ts'

/** Events in a path: as many as a minute allows. Every edge that is on none of them is walked beside them, whatever its distance. */
const bound = 9

const coverage = new Coverage()
let steered: SteeredEngine
beforeAll(async () => {
  steered = await new SteeredEngine().open()
})
afterEach(() => steered.clear())
afterAll(() => steered[Symbol.asyncDispose]())

/** Goes the path, looks around, and takes all away. @returns the log that the path has made. */
async function walk(path: Path, look: () => Promise<void> = async () => undefined) {
  let life = newLife()
  for (const event of path) {
    await steered.go(event)
    life = evolve(life, event)
    expect(seen()).toEqual(wanted(life))
  }
  const log = [...steered.events()]
  coverage.add(log)
  await look()
  const { id, world } = steered
  await steered.clear()
  expect([...world.leftovers(id), ...world.layers]).toEqual([])
  return log
}

/** What the engine does and shows. */
function seen() {
  const { id, store, engine } = steered
  const { state, removed } = store.containers.byId(id) ?? {}
  return {
    point: point(steered.life()),
    doing: steered.doing(),
    isTimed: steered.isTimed,
    ...{ state, removed },
    shown: removed === true ? 'removed' : engine.get(id).milestone,
  }
}

/** What the model says that it should. */
function wanted(model: Life) {
  const effects = pendingEffects(model).map(({ type }) => type)
  return {
    point: point(model),
    doing: effects.toSorted(),
    isTimed: pendingTimer(model) !== undefined,
    state: JSON.parse(JSON.stringify(save(steered.life()))),
    removed: model.matches('removed'),
    shown: milestone(model.value),
  }
}

const types = (path: Path): readonly string[] => path.map(({ type }) => type)

/** The shortest life. */
const removal = [...shortestPaths.values()].find(({ life }) => life.matches('removed'))?.path ?? []

const isCommand = (event: ContainerEvent): boolean => commandOf(event) !== undefined

function decisionOn(event: ContainerEvent) {
  const command = commandOf(event)
  if (command === undefined) throw new Error(`${event.type} is no command`)
  return decide(steered.life(), command)
}

/** Asks for all that the state does not record. @returns the events that this brought, and the answers of commands that should wait. */
async function askInVain(life: Life): Promise<readonly unknown[]> {
  const before = steered.events().length
  const waiting: ContainerEvent[] = []
  for (const event of alphabet(life).filter(isCommand)) {
    const decision = decisionOn(event)
    if (decision.kind === 'wait') waiting.push(event)
    if (decision.kind === 'refuse') await expectRefusal(event, decision.error)
  }
  const answers: unknown[] = []
  const note = (answer: unknown): void => void answers.push(answer)
  for (const event of waiting) steered.ask(event).then(note, note)
  await steered.settle()
  return [...steered.events().slice(before), ...answers]
}

async function expectRefusal(event: ContainerEvent, error: TallyError): Promise<void> {
  const { message, code } = await steered.ask(event).then(
    () => ({ message: 'no refusal', code: '' }),
    (refusal: TallyError) => refusal,
  )
  // Docker puts before some what could not be done.
  const end = message.slice(-error.message.length)
  expect([event.type, code, end]).toEqual([event.type, error.code, error.message])
}

describe('the engine on a simulated world', () => {
  it(`goes every simple path of up to ${bound} events`, async () => {
    const paths = simplePaths(bound)
    expect(paths.length).toBeGreaterThan(800)
    for (const path of paths) expect(types(await walk(path))).toEqual(types(path))
  }, 600_000)

  it('takes every other edge at the end of the shortest way there', async () => {
    for (const path of otherEdges(bound).map(withoutFiles).filter(isOfSomebody))
      expect(types(await walk(path))).toEqual(types(path))
  }, 600_000)

  it('was in every state and took every transition', () => {
    const missing = [...coverage.missingStates(), ...coverage.missingTransitions()]
    expect(missing).toEqual(ofFiles.map((type) => `container: ${type}`))
  })

  it('refuses every command or lets it wait wherever it does not record it', async () => {
    for (const { path, life } of [...shortestPaths.values()].filter(({ path }) => isOfSomebody(path)))
      await walk(path, async () => expect(await askInVain(life)).toEqual([]))
  }, 600_000)

  it('refuses everything for a container that is not there yet or any more', async () => {
    const asked = [...alphabet(newLife()).filter(isCommand), { type: 'Attached' } as const]
    const refusesAll = async (): Promise<void> => {
      for (const event of asked) await expect(steered.ask(event)).rejects.toMatchObject({ code: 'not-found' })
    }
    await refusesAll()
    await walk(removal, refusesAll)
  })

  it('derives the same rows anew from its log', () => {
    const { store } = steered
    const rows = () => [store.containers.list(), [...store.messages.range({})]]
    const before = rows()
    store.rebuild(replay(store))
    expect(rows()).toEqual(before)
  })
})

/** Notes that need a container's files, terminal or processes, of which the simulated world has none: the kernel's test takes them. */
const ofFiles = [
  'TerminalResized',
  'PathArchived',
  'ArchiveExtracted',
  'Exported',
  'Committed',
  'ProcessesListed',
]

const withoutFiles = (path: Path): Path => path.filter(({ type }) => !ofFiles.includes(type))

/** The machine would take some events of a container that was never created or is gone; the engine has nobody to tell them to. */
function isOfSomebody(path: Path): boolean {
  const removed = path.findIndex(({ type }) => type === 'Removed')
  return path[0]?.type === 'ContainerCreated' && (removed === -1 || removed === path.length - 1)
}
