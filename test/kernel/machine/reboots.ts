/** Hosts that go down while a container is being started: a tallyd of its own is killed at a step, and comes back under another boot. */
import { randomUUID } from 'node:crypto'
import type { ContainerEvent, LaunchStep } from '../../../machines/container-events.ts'
import { ApiClient } from '../../e2e/api-client.ts'
import { Daemon } from '../../e2e/daemon.ts'
import { reboot } from '../../replay/reboot.ts'
import { eventsOf } from './life-log.ts'

/** @returns the life of one container for each step. */
export async function rebootDuringStarts(
  steps: readonly LaunchStep[],
): Promise<readonly (readonly ContainerEvent[])[]> {
  const faults = steps.map((step) => ({ TALLY_FAULT: `perform.${step}.before:1:kill` }))
  const daemon = await new Daemon({ environment: faults[0] ?? {} }).start()
  try {
    await daemon.importBusybox()
    const ids: string[] = []
    for (const next of [...faults.slice(1), {}]) {
      ids.push(await startAndDie(daemon))
      await reboot(daemon, randomUUID(), next)
    }
    using api = new ApiClient(daemon.socket)
    return await Promise.all(ids.map((id) => released(api, id)))
  } finally {
    await daemon.destroy()
  }
}

async function startAndDie(daemon: Daemon): Promise<string> {
  using api = new ApiClient(daemon.socket)
  const id = await api.create({ Image: 'bb', Cmd: ['true'], HostConfig: { NetworkMode: 'none' } })
  await api.send('POST', `/containers/${id}/start`).catch(() => undefined)
  await daemon.end()
  return id
}

async function released(api: ApiClient, id: string): Promise<readonly ContainerEvent[]> {
  await api.ask('POST', `/containers/${id}/wait`)
  return eventsOf(api, id)
}
