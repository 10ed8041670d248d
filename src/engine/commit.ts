/** `docker commit`: an image of what a container is now. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ContainerConfig } from '../../machines/spec.ts'
import { packWhole } from '../archive/files.ts'
import { conflict } from '../errors.ts'
import { applyChanges } from '../images/changes.ts'
import type { CommittedName, Images } from '../images/port.ts'
import type { Origin } from '../origin.ts'
import { layerPath, type Roots } from '../paths.ts'
import type { Supervisor } from '../supervisor/port.ts'
import { mergeConfig } from './create-defaults.ts'
import { noteFact, targetOf } from './facts.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { CommitRequest } from './port.ts'

export interface CommitPorts {
  readonly roots: Roots
  readonly images: Images
  readonly supervisor: Pick<Supervisor, 'pause' | 'resume'>
  readonly durable: () => Promise<void>
}

/** @returns the image's id. @throws TallyError bad-request for a wrong change or name, conflict while it is removed */
export async function commitContainer(
  ports: CommitPorts,
  lifecycle: Lifecycle,
  request: CommitRequest,
  origin: Origin,
): Promise<string> {
  const { id } = targetOf(lifecycle)
  if (lifecycle.life.matches('removing'))
    throw conflict(`You cannot commit container ${id} which is being removed`)
  await using _ = request.pause ? await pause(ports, lifecycle) : undefined
  const { id: imageId, reference: imageRef } = await makeImage(ports, lifecycle, request, origin)
  const { comment } = request
  await noteFact(ports, lifecycle, { type: 'Committed', comment, imageId, imageRef }, origin)
  return imageId
}

async function makeImage(
  { roots, images }: CommitPorts,
  lifecycle: Lifecycle,
  { config: given, changes, ...request }: CommitRequest,
  origin: Origin,
): Promise<CommittedName> {
  const { id, spec } = targetOf(lifecycle)
  const config = applyChanges({ ...mergedConfig(spec.config, given) }, changes)
  const made = { ...request, parentId: spec.image.id, containerId: id, containerConfig: spec.config, config }
  const upper = join(layerPath(roots, id), 'diff')
  if ((await readdir(upper)).length === 0) return await images.commit(undefined, made, origin)
  await using layer = packWhole({ kind: 'layer', upper })
  return await images.commit(Readable.from(layer.chunks), made, origin)
}

/** What the client leaves out is the container's; whose host it was is not. */
function mergedConfig(own: ContainerConfig, given: Partial<ContainerConfig> | undefined): ContainerConfig {
  if (given === undefined) return own
  const merged = mergeConfig({ ...given, Image: given.Image ?? '' }, { ...own }, '', { NetworkMode: 'none' })
  return { ...merged, Hostname: given.Hostname ?? '' }
}

/** One that does not run, or is paused already, is left as it is. */
async function pause(
  { supervisor }: CommitPorts,
  lifecycle: Lifecycle,
): Promise<AsyncDisposable | undefined> {
  const { life } = lifecycle
  if (!life.matches({ running: { freezer: 'thawed' } })) return undefined
  const { id } = targetOf(lifecycle)
  await supervisor.pause(id)
  await lifecycle.until((now) => (now.matches({ running: { freezer: 'thawed' } }) ? undefined : true))
  return {
    async [Symbol.asyncDispose]() {
      const isPaused = () => lifecycle.life.matches({ running: { freezer: 'paused' } })
      if (!isPaused()) return // somebody was faster, or it was killed
      await supervisor.resume(id).catch((error: unknown) => {
        if (isPaused()) throw error
      })
      await lifecycle.until(() => (isPaused() ? undefined : true))
    },
  }
}
