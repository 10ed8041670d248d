/** What `docker rmi` does with an image: Docker's rules, decided without touching anything. */
import { conflict, type TallyError } from '../errors.ts'
import type { ImageUser } from './port.ts'
import { isIdPrefix, shortId } from './reference.ts'

export interface RemovalRequest {
  /** As the client wrote it. */
  readonly reference: string
  readonly imageId: string
  readonly tags: readonly string[]
  /** The tag that `reference` means, unless it is an id. */
  readonly tag: string | undefined
  readonly force: boolean
  readonly users: readonly ImageUser[]
}

export interface Removal {
  readonly untag: readonly string[]
  readonly deleteImage: boolean
}

/** @throws TallyError conflict in Docker's words. */
export function decideRemoval(request: RemovalRequest): Removal {
  const { reference, imageId, tag } = request
  if (tag === undefined || isIdPrefix(imageId, reference)) return removeById(request)
  return removeByName(request, tag)
}

/** A name that is not the last one is only taken away. The last one goes together with the image, unless a container needs that. */
function removeByName(request: RemovalRequest, tag: string): Removal {
  const { reference, imageId, tags, force, users } = request
  const [user] = users
  if (tags.length > 1) return { untag: [tag], deleteImage: false }
  if (user !== undefined && !force)
    throw conflict(
      `conflict: unable to remove repository reference ${JSON.stringify(reference)} (must force) - container ${shortId(user.containerId)} is using its referenced image ${shortId(imageId)}`,
    )
  return { untag: [tag], deleteImage: !users.some(({ running }) => running) }
}

function removeById({ imageId, tags, force, users }: RemovalRequest): Removal {
  const running = users.find((user) => user.running)
  if (running !== undefined)
    throw refusal(
      imageId,
      'cannot be forced',
      `image is being used by running container ${shortId(running.containerId)}`,
    )
  const [stopped] = users
  if (tags.length > 1 && !force)
    throw refusal(imageId, 'must be forced', 'image is referenced in multiple repositories')
  if (stopped !== undefined && !force)
    throw refusal(
      imageId,
      'must be forced',
      `image is being used by stopped container ${shortId(stopped.containerId)}`,
    )
  return { untag: tags, deleteImage: true }
}

const refusal = (imageId: string, force: string, reason: string): TallyError =>
  conflict(`conflict: unable to delete ${shortId(imageId)} (${force}) - ${reason}`)
