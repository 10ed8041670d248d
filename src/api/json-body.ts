/** Request bodies: JSON is read whole and parsed, anything else (tar archives) stays a stream that nobody has limited or buffered. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { badRequest } from '../errors.ts'

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
  if (!(request.body instanceof Readable)) return
  const type = request.headers['content-type'] ?? ''
  throw badRequest(`Content-Type specified (${type}) must be 'application/json'`)
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json, json.includes('__proto__') ? withoutPrototypes : undefined)
  } catch (cause) {
    throw badRequest(`invalid JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
}

/** A `__proto__` key would become a prototype wherever objects are merged. */
const withoutPrototypes = (key: string, value: unknown): unknown => (key === '__proto__' ? undefined : value)
