/** `docker cp`: what there is at a path of a container, out of it and into it. */
import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { PathStat } from '../../archive/path-stat.ts'
import type { Engine } from '../../engine/port.ts'
import { badRequest } from '../../errors.ts'
import { pour } from '../pour.ts'
import { flag, Parameter, text } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { ContainerParams as params } from '../schemas/container-params.ts'
import { openStream } from '../stream-reply.ts'

const PathQuery = Type.Object({ path: Parameter })
const PutQuery = Type.Object({ path: Parameter, noOverwriteDirNonDir: Parameter, copyUIDGID: Parameter })

export const archiveRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const head = { operationId: 'ContainerArchiveInfo', params, querystring: PathQuery }
  app.head('/containers/:id/archive', { schema: head }, async (request, reply) => {
    const stat = await engine.statPath(request.params.id, pathOf(request.query.path))
    return reply.header('X-Docker-Container-Path-Stat', encoded(stat)).send()
  })

  const get = { operationId: 'ContainerArchive', params, querystring: PathQuery }
  app.get('/containers/:id/archive', { schema: get }, async (request, reply) => {
    const path = pathOf(request.query.path)
    await using archive = await engine.archive(request.params.id, path, originOf(request))
    reply.header('X-Docker-Container-Path-Stat', encoded(archive.stat))
    await pour(archive.chunks, openStream(reply, 'application/x-tar'), request.log)
    return reply
  })

  const put = { operationId: 'PutContainerArchive', params, querystring: PutQuery }
  app.put('/containers/:id/archive', { schema: put }, async (request, reply) => {
    const { path, noOverwriteDirNonDir, copyUIDGID } = request.query
    const options = { path: pathOf(path), noOverwriteDirNonDir: flag(noOverwriteDirNonDir) }
    const how = { ...options, copyUidGid: flag(copyUIDGID) }
    await engine.putArchive(request.params.id, bodyOf(request.body), how, originOf(request))
    return reply.send()
  })
}

/** Docker's own words, the missing blank included. */
function pathOf(parameter: Parameter): string {
  const path = text(parameter)
  if (path === undefined) throw badRequest('bad parameter: pathcannot be empty')
  return path
}

const encoded = (stat: PathStat): string => Buffer.from(JSON.stringify(stat)).toString('base64')

/** No body at all is an empty archive. */
function bodyOf(body: unknown): Readable {
  if (body instanceof Readable) return body
  if (body === undefined || body === null) return Readable.from([])
  throw badRequest('the body must be a tar archive')
}
