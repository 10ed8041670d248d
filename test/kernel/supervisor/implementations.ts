/** Every way in which a supervisor is implemented. */
import { openSupervisor } from '../../../src/supervisor/local.ts'
import type { Supervisor } from '../../../src/supervisor/port.ts'
import { Served } from './served.ts'
import type { World } from './world.ts'

export type Opened = { readonly supervisor: Supervisor; close(): Promise<void> }

async function openLocal(world: World): Promise<Opened> {
  const supervisor = await openSupervisor(world.options)
  return {
    supervisor,
    async close() {
      await supervisor[Symbol.asyncDispose]()
    },
  }
}

async function openRemote(world: World): Promise<Opened> {
  const served = await Served.start(world)
  return { supervisor: served.client, close: () => served[Symbol.asyncDispose]() }
}

export const implementations = [
  ['in this process', openLocal],
  ['over gRPC', openRemote],
] as const
