/** The files of a container: copied out and in, compared with its image, exported, made into an image. */
import type { Readable } from 'node:stream'
import { changesOf, packPath, packWhole, statPath, unpackArchive } from '../archive/files.ts'
import type { PathStat } from '../archive/path-stat.ts'
import type { TreeChange } from '../archive/tree-changes.ts'
import { TallyError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import { containerPath, layerPath, type Roots, rootfsPath } from '../paths.ts'
import { layersBelow } from '../workers/layers.ts'
import type { Rootfs, RootfsHolds } from '../workers/rootfs-holds.ts'
import { viewMounts } from '../workers/view-mounts.ts'
import { noteFact, type Target, targetOf } from './facts.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { FileArchive, PutOptions } from './port.ts'

export interface FilePorts {
  readonly roots: Roots
  readonly holds: RootfsHolds
  readonly durable: () => Promise<void>
}

/** As the client wrote it, for messages. */
interface Asked {
  readonly ref: string
  readonly path: string
}

export async function pathStatOf(
  { roots, holds }: FilePorts,
  lifecycle: Lifecycle,
  { ref, path }: Asked,
): Promise<PathStat> {
  const target = targetOf(lifecycle)
  await using _ = await holds.borrow(rootfsOf(target))
  return await statPath(viewOf(roots, target), path).catch(inContainer(ref))
}

export async function archivePath(
  ports: FilePorts,
  lifecycle: Lifecycle,
  { ref, path }: Asked,
  origin: Origin,
): Promise<FileArchive & { readonly stat: PathStat }> {
  const target = targetOf(lifecycle)
  await using stack = new AsyncDisposableStack()
  stack.use(await ports.holds.borrow(rootfsOf(target)))
  const { stat, chunks } = stack.use(
    await packPath(viewOf(ports.roots, target), path).catch(inContainer(ref)),
  )
  await noteFact(ports, lifecycle, { type: 'PathArchived' }, origin)
  return { stat, ...archiveOf(chunks, stack) }
}

export async function extractArchive(
  ports: FilePorts,
  lifecycle: Lifecycle,
  request: PutOptions & { readonly ref: string; readonly body: Readable },
  origin: Origin,
): Promise<void> {
  const target = targetOf(lifecycle)
  const { path, ref, body, noOverwriteDirNonDir: keepKinds, copyUidGid } = request
  const { User: user } = target.spec.config
  const readOnlyRoot = target.spec.hostConfig.ReadonlyRootfs
  await using _ = await ports.holds.borrow(rootfsOf(target))
  const owner = copyUidGid && user !== '' ? { user } : {}
  const task = { view: viewOf(ports.roots, target), path, keepKinds, readOnlyRoot, ...owner }
  await unpackArchive(task, body).catch(inContainer(ref))
  await noteFact(ports, lifecycle, { type: 'ArchiveExtracted' }, origin)
}

export async function layerChanges(
  { roots }: FilePorts,
  lifecycle: Lifecycle,
): Promise<readonly TreeChange[]> {
  const { id, spec } = targetOf(lifecycle)
  const diff = (layer: string): string => `${layerPath(roots, layer)}/diff`
  return await changesOf({ upper: diff(id), lowers: layersBelow(id, spec.image).map(diff).reverse() })
}

export async function exportTree(
  ports: FilePorts,
  lifecycle: Lifecycle,
  origin: Origin,
): Promise<FileArchive> {
  const target = targetOf(lifecycle)
  await using stack = new AsyncDisposableStack()
  stack.use(await ports.holds.borrow(rootfsOf(target)))
  const { chunks } = stack.use(packWhole({ kind: 'export', rootfs: rootfsPath(ports.roots, target.id) }))
  await noteFact(ports, lifecycle, { type: 'Exported' }, origin)
  return archiveOf(chunks, stack)
}

const rootfsOf = ({ id, spec }: Target): Rootfs => ({ id, image: spec.image })

const viewOf = (roots: Roots, { id, spec }: Target) => ({
  rootfs: rootfsPath(roots, id),
  mounts: viewMounts(spec.hostConfig, containerPath(roots, id)),
})

/** Docker's sentence ends with the container. */
const inContainer =
  (ref: string) =>
  (error: unknown): never => {
    if (error instanceof TallyError && error.code === 'not-found')
      throw new TallyError('not-found', `${error.message} in container ${ref}`)
    throw error
  }

function archiveOf(chunks: AsyncIterable<Uint8Array>, stack: AsyncDisposableStack): FileArchive {
  const moved = stack.move()
  return { chunks, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}
