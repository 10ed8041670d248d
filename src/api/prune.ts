/** Removing all that nobody uses: which containers and images that is by Docker's filters, and how much room it gives. */
import { existsSync } from 'node:fs'
import { nanoseconds } from '../clock.ts'
import type { ContainerView, Engine } from '../engine/port.ts'
import { badRequest, TallyError } from '../errors.ts'
import type { Image, ImageDeletion } from '../images/port.ts'
import type { Origin } from '../origin.ts'
import { layerPath, type Roots } from '../paths.ts'
import { layerSize } from './disk-usage.ts'
import { type Filters, matchesPairs } from './filters.ts'
import { usersOf } from './image-users.ts'
import { untilOf } from './until.ts'

export interface PruneOptions {
  readonly engine: Engine
  readonly roots: Roots
  readonly filters: Filters
  /** RFC 3339. */
  readonly now: string
  readonly origin: Origin
  /** Told what could not be removed; the others are. */
  readonly report: (error: unknown) => void
  /** Aborts when the client is gone: what is left then stays. */
  readonly signal: AbortSignal
}

export const containerPruneFilters: readonly string[] = ['label', 'label!', 'until']
export const imagePruneFilters: readonly string[] = ['dangling', ...containerPruneFilters]

interface Pruned<T> {
  readonly deleted: readonly T[]
  readonly reclaimed: number
}

/** All that do not run. */
export async function pruneContainers(options: PruneOptions): Promise<Pruned<string>> {
  const { engine, roots, origin } = options
  const isOld = olderThan(options)
  const chosen = engine
    .list()
    .filter((view) => !isBusy(view) && isLabelled(options.filters, view.context.spec?.config.Labels))
    .filter(({ context }) => isOld(context.spec?.createdAt))
  return removeEach(options, chosen, async ({ id }) => {
    const size = await layerSize(roots, id)
    await engine.remove(id, { force: false, volumes: false }, origin)
    return { deleted: [id], reclaimed: size }
  })
}

/** Those without a name that no container uses; with `dangling=false` those with a name as well. */
export async function pruneImages(options: PruneOptions): Promise<Pruned<ImageDeletion>> {
  const { engine, filters } = options
  const named = !danglingOnly(filters)
  const isOld = olderThan(options)
  const chosen = engine.images
    .list()
    .filter(({ tags }) => named || tags.length === 0)
    .filter((image) => isLabelled(filters, image.config.Labels) && isOld(image.createdAt))
  return removeEach(options, chosen, (image) => removeImage(options, image))
}

const isBusy = ({ state, status }: ContainerView): boolean => state.running || status === 'restarting'

/** Layers that others need stay: only those that are gone give room. */
async function removeImage(options: PruneOptions, image: Image): Promise<Pruned<ImageDeletion>> {
  const { engine, roots } = options
  const layers = await Promise.all(
    image.layers.map(async (layer) => ({ layer, size: await layerSize(roots, layer) })),
  )
  const names = image.tags.length === 0 ? [image.id] : image.tags
  const { deleted } = await removeEach(options, names, async (name) => {
    const how = { force: false, noPrune: true, usedBy: usersOf(engine) }
    return { deleted: await engine.images.remove(name, how, options.origin), reclaimed: 0 }
  })
  const gone = layers.filter(({ layer }) => !existsSync(layerPath(roots, layer)))
  return { deleted, reclaimed: gone.reduce((sum, { size }) => sum + size, 0) }
}

async function removeEach<T, R>(
  { report, signal }: Pick<PruneOptions, 'report' | 'signal'>,
  things: readonly T[],
  remove: (thing: T) => Promise<Pruned<R>>,
): Promise<Pruned<R>> {
  const deleted: R[] = []
  let reclaimed = 0
  for (const thing of things) {
    if (signal.aborted) break
    try {
      const removed = await remove(thing)
      deleted.push(...removed.deleted)
      reclaimed += removed.reclaimed
    } catch (error) {
      // In use, or gone meanwhile: neither is an error of who removes what is not used.
      if (!(error instanceof TallyError)) throw error
      report(error)
    }
  }
  return { deleted, reclaimed }
}

function olderThan({ filters, now }: PruneOptions): (createdAt: string | undefined) => boolean {
  const until = untilOf(filters, now)
  return (createdAt) => until === undefined || createdAt === undefined || nanoseconds(createdAt) <= until
}

/** All of `label`, and not all of `label!`. */
function isLabelled(filters: Filters, labels: Readonly<Record<string, string>> | null | undefined): boolean {
  const own = labels ?? {}
  if (!matchesPairs(filters, 'label', own)) return false
  return !filters.has('label!') || !matchesPairs(filters, 'label!', own)
}

/** @throws TallyError bad-request in Docker's words */
function danglingOnly(filters: Filters): boolean {
  const values = filters.get('dangling') ?? ['true']
  if (values.includes('false') || values.includes('0')) return false
  if (values.includes('true') || values.includes('1')) return true
  throw badRequest(`Invalid filter 'dangling=[${values.join(' ')}]'`)
}
