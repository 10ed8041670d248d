/** One supervisor in a world of its own for all tests of a suite; the tasks that a test names are deleted after it. */
import { afterAll, afterEach, beforeAll } from 'vitest'
import { TallyError } from '../../../src/errors.ts'
import type { Supervisor } from '../../../src/supervisor/port.ts'
import type { Opened } from './implementations.ts'
import { World } from './world.ts'

interface Given {
  readonly world: World
  readonly supervisor: Supervisor
}

/** @param take gets what there is before the first test. @returns ids of tasks: who starts one adds it. */
export function openForSuite(
  open: (world: World) => Promise<Opened>,
  take: (given: Given) => void,
): string[] {
  const started: string[] = []
  let given: Given & { close(): Promise<void> }

  beforeAll(async () => {
    const world = new World()
    const { supervisor, close } = await open(world)
    given = { world, supervisor, close }
    take(given)
  })

  afterEach(async () => {
    for (const id of started.splice(0)) await given.supervisor.delete(id)
  })

  afterAll(async () => {
    await given.close()
    given.world[Symbol.dispose]()
  })

  return started
}

/** What a call is refused with. */
export async function failure(promise: Promise<unknown>): Promise<TallyError> {
  const error = await promise.catch((reason: unknown) => reason)
  if (!(error instanceof TallyError)) throw new Error(`no TallyError but ${String(error)}`)
  return error
}
