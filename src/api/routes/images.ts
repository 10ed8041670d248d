/** Images: list, inspect, history, import, load, tag and remove. Their names contain slashes, hence the wildcard paths. */
import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import type { Engine } from '../../engine/port.ts'
import { badRequest, notSupported, TallyError } from '../../errors.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { layerSize } from '../disk-usage.ts'
import { parseFilters } from '../filters.ts'
import { imageFilters, wantedImages } from '../image-filter.ts'
import { flag, Parameter, text } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { imageHistory, imageInspection, imageSummary } from '../views/image.ts'

const ListQuery = Type.Object({ filters: Parameter })
const TagQuery = Type.Object({ repo: Parameter, tag: Parameter })
const DeleteQuery = Type.Object({ force: Parameter, noprune: Parameter })
const CreateQuery = Type.Object({
  fromImage: Parameter,
  fromSrc: Parameter,
  repo: Parameter,
  tag: Parameter,
  message: Parameter,
  changes: Parameter,
})
const NameParams = Type.Object({ '*': Type.String() })

export interface ImageRouteOptions {
  readonly engine: Engine
  readonly daemon: DaemonInfo
}

export const imageRoutes: FastifyPluginAsyncTypebox<ImageRouteOptions> = async (app, { engine, daemon }) => {
  const { images } = engine
  const { roots } = daemon

  app.get('/images/json', { schema: { operationId: 'ImageList', querystring: ListQuery } }, async (request) =>
    wantedImages(images, parseFilters(request.query.filters, imageFilters)).map((image) =>
      imageSummary(image, { containers: -1, sharedSize: -1 }),
    ),
  )

  app.get('/images/*', { schema: { operationId: 'ImageInspect', params: NameParams } }, async (request) => {
    const { name, action } = splitPath(request.params['*'], ['json', 'history', 'get'])
    if (action === 'get') throw savingUnsupported()
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

  const createSchema = { operationId: 'ImageCreate', querystring: CreateQuery }
  app.post('/images/create', { schema: createSchema }, async (request, reply) => {
    refusePull(request.query)
    const id = await images.import(bodyOf(request.body), importOptions(request.query), originOf(request))
    return reply.type('application/json').send(`${JSON.stringify({ status: id })}\r\n`)
  })

  app.post('/images/load', { schema: { operationId: 'ImageLoad' } }, async (request, reply) => {
    reply.type('application/json')
    try {
      const loaded = await images.load(bodyOf(request.body), originOf(request))
      return loaded.map((line) => `${JSON.stringify({ stream: `${line}\n` })}\r\n`).join('')
    } catch (error) {
      if (error instanceof TallyError) return failureLine(error)
      throw error
    }
  })

  app.get('/images/get', { schema: { operationId: 'ImageGetAll' } }, async () => {
    throw savingUnsupported()
  })
  app.get('/images/search', { schema: { operationId: 'ImageSearch' } }, async () => {
    throw notSupported('searching a registry is not supported yet')
  })
  app.post('/images/prune', { schema: { operationId: 'ImagePrune' } }, async () => {
    throw notSupported('pruning images is not supported yet: remove them by name')
  })
}

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

const savingUnsupported = (): TallyError => notSupported('saving images is not supported yet')

/** @throws TallyError not-supported, with what to do instead: `docker run` shows it for an image that is not here. */
function refusePull({ fromImage, fromSrc, tag }: Static<typeof CreateQuery>): void {
  const image = text(fromImage)
  if (image !== undefined) {
    const name = text(tag) === undefined ? image : `${image}${separator(text(tag))}${text(tag)}`
    throw notSupported(
      `pulling "${name}" is not supported yet: bring it here by docker load or docker import`,
    )
  }
  const source = text(fromSrc)
  if (source === undefined)
    throw badRequest('neither fromImage nor fromSrc says what to create the image from')
  if (source !== '-') throw notSupported('importing from a URL is not supported yet: send the archive itself')
}

const separator = (tag = ''): string => (tag.includes(':') ? '@' : ':')

function importOptions({ repo, tag, message, changes }: Static<typeof CreateQuery>) {
  const given = { repository: text(repo), tag: text(tag), message: text(message) }
  const { repository, tag: tagName, message: comment } = given
  return {
    ...(repository !== undefined && { repository }),
    ...(tagName !== undefined && { tag: tagName }),
    ...(comment !== undefined && { message: comment }),
    changes: changes === undefined ? [] : [changes].flat(),
  }
}

/** An upload stays a stream; no body at all is an empty archive. */
function bodyOf(body: unknown): Readable {
  if (body instanceof Readable) return body
  if (body === undefined || body === null) return Readable.from([])
  throw badRequest('the body must be a tar archive')
}

/** Docker's clients read a failed load from its progress messages: the status is 200. */
const failureLine = ({ message }: TallyError): string =>
  `${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`

const usersOf = (engine: Engine) => (imageId: string) =>
  engine
    .list()
    .filter(({ context }) => context.spec?.image.id === imageId)
    .map(({ id, state }) => ({ containerId: id, running: state.running }))
