/** What makes each step of a start fail on a real host, and how it is mended. */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { LaunchStep } from '../../../machines/container-events.ts'
import { bundlePath, layerPath, rootfsPath, supervisorRoot } from '../../../src/paths.ts'
import type { Host } from './host.ts'

interface Break {
  /** The step before which the start has to be held. */
  readonly before: LaunchStep
  /** @returns what mends it. */
  spoil(host: Host, id: string): Promise<() => void>
}

/** Something else stands where a directory has to be made. */
const obstruct =
  (place: (host: Host, id: string) => string): Break['spoil'] =>
  async (host, id) => {
    const path = place(host, id)
    writeFileSync(path, '')
    return () => rmSync(path, { force: true })
  }

export const breaks: Readonly<Record<LaunchStep, Break>> = {
  mountRootfs: {
    before: 'mountRootfs',
    async spoil(host, id) {
      const { spec } = await host.event(id, 'ContainerCreated')
      const layer = join(layerPath(host.roots, spec.image.layers[0] ?? ''), 'diff')
      renameSync(layer, `${layer}.away`)
      return () => renameSync(`${layer}.away`, layer)
    },
  },
  prepareBundle: { before: 'prepareBundle', spoil: obstruct(({ roots }, id) => bundlePath(roots, id)) },
  startShim: { before: 'startShim', spoil: obstruct(({ roots }, id) => join(supervisorRoot(roots), id)) },
  /** The program is gone when the runtime looks for it. */
  awaitPid: {
    before: 'startShim',
    async spoil(host, id) {
      rmSync(join(rootfsPath(host.roots, id), 'bin/sleep'))
      return () => rmSync(join(layerPath(host.roots, id), 'diff/bin'), { recursive: true })
    },
  },
  /** What waits for its start has died. */
  startProcess: {
    before: 'startProcess',
    async spoil(host, id) {
      process.kill((await host.event(id, 'PidRecorded')).pid, 'SIGKILL')
      const status = async () => (await host.supervisor.task(id))?.status
      await expect.poll(status, { timeout: 60_000 }).toBe('stopped')
      return () => undefined
    },
  },
}
