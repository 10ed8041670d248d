/** Which images a client wants: the `filters` of `GET /images/json`. */
import { nanoseconds } from '../clock.ts'
import { badRequest } from '../errors.ts'
import type { Image, Images } from '../images/port.ts'
import { type Filters, matchesPairs } from './filters.ts'
import { globExpression } from './glob.ts'

export const imageFilters = ['before', 'dangling', 'label', 'reference', 'since'] as const

/** The wanted images, the newest first. Of an image wanted by `reference` only the tags that match are kept. */
export function wantedImages(images: Images, filters: Filters): readonly Image[] {
  const dangling = danglingOf(filters)
  const bounds = boundsOf(images, filters)
  const patterns = filters.get('reference')?.map(globExpression)
  return images
    .list()
    .filter((image) => dangling === undefined || dangling === (image.tags.length === 0))
    .filter((image) => matchesPairs(filters, 'label', image.config.Labels ?? {}))
    .filter((image) => isWithin(image, bounds))
    .map((image) =>
      patterns ? { ...image, tags: image.tags.filter((tag) => isNamed(tag, patterns)) } : image,
    )
    .filter(({ tags }) => patterns === undefined || tags.length > 0)
    .sort((a, b) => Number(createdAt(b) - createdAt(a)))
}

/** @throws TallyError bad-request in Docker's words. */
function danglingOf(filters: Filters): boolean | undefined {
  const values = filters.get('dangling')
  if (values === undefined) return undefined
  const [value = ''] = values
  if (['1', 'true', 'True', 'TRUE', 't', 'T'].includes(value)) return true
  if (['0', 'false', 'False', 'FALSE', 'f', 'F'].includes(value)) return false
  throw badRequest(`Invalid filter 'dangling=[${values.join(' ')}]'`)
}

interface Bounds {
  readonly after: readonly bigint[]
  readonly before: readonly bigint[]
}

/** @throws TallyError not-found */
function boundsOf(images: Images, filters: Filters): Bounds {
  const created = (filter: string) =>
    (filters.get(filter) ?? []).map((reference) => createdAt(images.get(reference)))
  return { after: created('since'), before: created('before') }
}

function isWithin(image: Image, { after, before }: Bounds): boolean {
  const created = createdAt(image)
  return after.every((bound) => created > bound) && before.every((bound) => created < bound)
}

/** The pattern may leave the tag away. */
const isNamed = (tag: string, patterns: readonly RegExp[]): boolean =>
  patterns.some((pattern) => pattern.test(tag) || pattern.test(tag.replace(/:[^:/]*$/, '')))

const createdAt = ({ createdAt }: Image): bigint => nanoseconds(createdAt)
