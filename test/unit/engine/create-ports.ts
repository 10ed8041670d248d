/** What creating a container needs, on the simulated world: one image, and layers that are names in a set. */
import { noSuchImage } from '../../../src/errors.ts'
import type { Image, Images } from '../../../src/images/port.ts'
import type { Store } from '../../../src/store/open.ts'
import type { World } from './world.ts'

const image: Image = {
  id: `sha256:${'1'.repeat(64)}`,
  config: {},
  tags: ['busybox:latest'],
  diffIds: [],
  layers: [],
  size: 1,
  createdAt: '2026-01-01T00:00:00Z',
  architecture: 'amd64',
  os: 'linux',
  author: '',
  comment: '',
  dockerVersion: '',
  history: [],
}

const find = (reference: string): Image | undefined =>
  ['busybox', image.id].includes(reference) ? image : undefined

export const images: Images = {
  list: () => [image],
  find,
  get(reference) {
    const found = find(reference)
    if (found === undefined) throw noSuchImage(reference)
    return found
  },
  import: async () => image.id,
  commit: async () => ({ id: image.id, reference: '' }),
  load: async () => [],
  tag: async () => undefined,
  remove: async () => [],
}

export const createPorts = (store: Pick<Store, 'containers' | 'events'>, world: World) => ({
  containers: store.containers,
  images,
  durable: () => store.events.durable(),
  defaults: { runtime: 'runc', log: { Type: 'json-file', Config: {} } },
  validate: () => [],
  makeLayers: async (id: string) => void world.layers.add(id),
  removeLayers: async (id: string) => void world.layers.delete(id),
})
