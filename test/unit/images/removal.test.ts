import { describe, expect, it } from 'vitest'
import { decideRemoval, type RemovalRequest } from '../../../src/images/removal.ts'

const imageId = `sha256:8d3f81041f22${'0'.repeat(52)}`
const stopped = { containerId: `dd72b89998f8${'0'.repeat(52)}`, running: false }
const running = { containerId: `f14565f90697${'0'.repeat(52)}`, running: true }
const byName: RemovalRequest = {
  ...{ reference: 'busy', imageId, tags: ['busy:latest'], tag: 'busy:latest', force: false, users: [] },
}
const byId: RemovalRequest = { ...byName, reference: '8d3f', tag: undefined }

describe('removing by name', () => {
  it('deletes the image with its last name', () => {
    expect(decideRemoval(byName)).toEqual({ untag: ['busy:latest'], deleteImage: true })
  })

  it('takes only the name away if there are others', () => {
    const request = { ...byName, tags: ['busy:latest', 'other:1'], users: [running] }
    expect(decideRemoval(request)).toEqual({ untag: ['busy:latest'], deleteImage: false })
  })

  it('refuses the last name of an image that a container uses', () => {
    expect(() => decideRemoval({ ...byName, users: [stopped] })).toThrow(
      'conflict: unable to remove repository reference "busy" (must force) - container dd72b89998f8 is using its referenced image 8d3f81041f22',
    )
  })

  it('deletes by force what a stopped container uses', () => {
    const request = { ...byName, force: true, users: [stopped] }
    expect(decideRemoval(request)).toEqual({ untag: ['busy:latest'], deleteImage: true })
  })

  it('by force takes only the name from what a running container uses', () => {
    const request = { ...byName, force: true, users: [stopped, running] }
    expect(decideRemoval(request)).toEqual({ untag: ['busy:latest'], deleteImage: false })
  })
})

describe('removing by id', () => {
  it('takes the one name away and deletes', () => {
    expect(decideRemoval(byId)).toEqual({ untag: ['busy:latest'], deleteImage: true })
  })

  it('refuses an image with several names', () => {
    expect(() => decideRemoval({ ...byId, tags: ['a:1', 'b:1'] })).toThrow(
      'conflict: unable to delete 8d3f81041f22 (must be forced) - image is referenced in multiple repositories',
    )
  })

  it('refuses what a stopped container uses', () => {
    expect(() => decideRemoval({ ...byId, users: [stopped] })).toThrow(
      'conflict: unable to delete 8d3f81041f22 (must be forced) - image is being used by stopped container dd72b89998f8',
    )
  })

  it('refuses what a running container uses, also by force', () => {
    expect(() => decideRemoval({ ...byId, force: true, users: [stopped, running] })).toThrow(
      'conflict: unable to delete 8d3f81041f22 (cannot be forced) - image is being used by running container f14565f90697',
    )
  })

  it('by force takes all names away and deletes', () => {
    const request = { ...byId, force: true, tags: ['a:1', 'b:1'], users: [stopped] }
    expect(decideRemoval(request)).toEqual({ untag: ['a:1', 'b:1'], deleteImage: true })
  })
})
