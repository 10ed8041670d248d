/** Request bodies: JSON is read whole and parsed, anything else (tar archives) stays a stream that nobody has limited or buffered. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { badRequest, type TallyError } from '../errors.ts'
import { takenConnection } from './http-server.ts'

const jsonLimit = 4 * 1024 * 1024

/** Tells the server how to read bodies. An empty JSON body is null, as in Docker. */
export function acceptBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: jsonLimit },
    async (_request: FastifyRequest, json: string) => (json === '' ? null : parseJson(json)),
  )
  app.addContentTypeParser('*', async (_request: FastifyRequest, payload: Readable) => payload)
}

/** Hook for routes whose body must be JSON. @throws TallyError bad-request */
export async function requireJson(request: FastifyRequest): Promise<void> {
  if (request.body instanceof Readable) throw notJson(request.headers['content-type'] ?? '')
}

/** The same, for routes whose connection may have been taken over with the body still in it. @throws TallyError bad-request */
export async function takeJson(request: FastifyRequest): Promise<void> {
  const taken = takenConnection(request.raw)
  if (taken === undefined) return requireJson(request)
  const { contentType, body } = taken
  if (body.length > 0 && !/^application\/json *(;|$)/i.test(contentType)) throw notJson(contentType)
  request.body = body.length === 0 ? null : parseJson(body.toString())
}

const notJson = (type: string): TallyError =>
  badRequest(`Content-Type specified (${type}) must be 'application/json'`)

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json, json.includes('__proto__') ? withoutPrototypes : undefined)
  } catch (cause) {
    throw badRequest(`invalid JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
}

/** A `__proto__` key would become a prototype wherever objects are merged. */
const withoutPrototypes = (key: string, value: unknown): unknown => (key === '__proto__' ? undefined : value)
