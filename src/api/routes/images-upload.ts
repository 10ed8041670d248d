/** Images that come as an archive in the request: `docker import` and `docker load`; and pulls, which are refused. */
import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import type { Engine } from '../../engine/port.ts'
import { badRequest, notSupported, TallyError } from '../../errors.ts'
import { Parameter, text } from '../query.ts'
import { originOf } from '../request-origin.ts'

const CreateQuery = Type.Object({
  fromImage: Parameter,
  fromSrc: Parameter,
  repo: Parameter,
  tag: Parameter,
  message: Parameter,
  changes: Parameter,
})

export const imageUploadRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine: { images } },
) => {
  const createSchema = { operationId: 'ImageCreate', querystring: CreateQuery }
  app.post('/images/create', { schema: createSchema }, async (request, reply) => {
    refusePull(request.query)
    const id = await images.import(bodyOf(request.body), importOptions(request.query), originOf(request))
    return reply.type('application/json').send(progress([{ status: id }]))
  })

  const loadSchema = { operationId: 'ImageLoad' }
  app.post('/images/load', { schema: loadSchema }, async (request, reply) => {
    const loaded = images.load(bodyOf(request.body), originOf(request))
    const messages = await loaded.then(toMessages, failureMessage)
    return reply.type('application/json').send(progress(messages))
  })
}

/** Docker's stream of messages. Bytes, because the docker CLI prints them raw if Fastify adds a charset to the type. */
const progress = (messages: readonly object[]): Buffer =>
  Buffer.from(messages.map((message) => `${JSON.stringify(message)}\r\n`).join(''))

const toMessages = (lines: readonly string[]): readonly object[] =>
  lines.map((line) => ({ stream: `${line}\n` }))

/** Docker's clients read a failed load from its messages: the status is 200. */
function failureMessage(error: unknown): readonly object[] {
  if (!(error instanceof TallyError)) throw error
  return [{ errorDetail: { message: error.message }, error: error.message }]
}

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
