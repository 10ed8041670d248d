/** Images: list, inspect, history, tag and remove. Their names contain slashes, hence the wildcard paths. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Engine } from '../../engine/port.ts'
import { notSupported, TallyError } from '../../errors.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { layerSize } from '../disk-usage.ts'
import { parseFilters } from '../filters.ts'
import { imageFilters, wantedImages } from '../image-filter.ts'
import { usersOf } from '../image-users.ts'
import { flag, Parameter, text } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { imageHistory, imageInspection, imageSummary } from '../views/image.ts'

const ListQuery = Type.Object({ filters: Parameter })
const TagQuery = Type.Object({ repo: Parameter, tag: Parameter })
const DeleteQuery = Type.Object({ force: Parameter, noprune: Parameter })
const NameParams = Type.Object({ '*': Type.String() })

export interface ImageRouteOptions {
  readonly engine: Engine
  readonly daemon: DaemonInfo
}

export const imageRoutes: FastifyPluginAsyncTypebox<ImageRouteOptions> = async (app, { engine, daemon }) => {
  const { images } = engine
  const { roots } = daemon

  const listSchema = { operationId: 'ImageList', querystring: ListQuery }
  app.get('/images/json', { schema: listSchema }, async (request) =>
    wantedImages(images, parseFilters(request.query.filters, imageFilters)).map((image) =>
      imageSummary(image, { containers: -1, sharedSize: -1 }),
    ),
  )

  const nameSchema = { operationId: 'ImageInspect', params: NameParams }
  app.get('/images/*', { schema: nameSchema }, async (request) => {
    const { name, action } = splitPath(request.params['*'], ['json', 'history', 'get'])
    if (action === 'get') throw notSupported(saving)
    const image = images.get(name)
    if (action === 'json') return imageInspection(image, roots)
    const sizes = await Promise.all(image.layers.map((layer) => layerSize(roots, layer)))
    return imageHistory(image, sizes)
  })

  const tagSchema = { operationId: 'ImageTag', params: NameParams, querystring: TagQuery }
  app.post('/images/*', { schema: tagSchema }, async (request, reply) => {
    const { name, action } = splitPath(request.params['*'], ['tag', 'push'])
    if (action === 'push') throw notSupported('pushing images to a registry is not supported yet')
    const target = { repository: text(request.query.repo) ?? '', tag: text(request.query.tag) ?? '' }
    await images.tag(name, target, originOf(request))
    return reply.code(201).send()
  })

  const deleteSchema = { operationId: 'ImageDelete', params: NameParams, querystring: DeleteQuery }
  app.delete('/images/*', { schema: deleteSchema }, async (request) => {
    const options = { force: flag(request.query.force), noPrune: flag(request.query.noprune) }
    return images.remove(request.params['*'], { ...options, usedBy: usersOf(engine) }, originOf(request))
  })

  for (const { method, url, operationId, reason } of unsupported) {
    app.route({
      method,
      url,
      schema: { operationId },
      handler: async () => Promise.reject(notSupported(reason)),
    })
  }
}

const saving = 'saving images is not supported yet'

const unsupported = [
  { method: 'GET', url: '/images/get', operationId: 'ImageGetAll', reason: saving },
  {
    method: 'GET',
    url: '/images/search',
    operationId: 'ImageSearch',
    reason: 'searching a registry is not supported yet',
  },
] as const

/** `library/busybox/json` is the name `library/busybox` and the action `json`. */
function splitPath<Action extends string>(
  path: string,
  actions: readonly Action[],
): { readonly name: string; readonly action: Action } {
  const slash = path.lastIndexOf('/')
  const action = actions.find((candidate) => candidate === path.slice(slash + 1))
  if (slash < 1 || action === undefined) throw new TallyError('not-found', 'page not found')
  return { name: path.slice(0, slash), action }
}
