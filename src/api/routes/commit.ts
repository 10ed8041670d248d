/** `docker commit`: an image of a container. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import type { ContainerConfig } from '../../../machines/spec.ts'
import type { CommitRequest, Engine } from '../../engine/port.ts'
import { badRequest } from '../../errors.ts'
import { requireJson } from '../json-body.ts'
import { flag, Parameter, text } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { CommitBody } from '../schemas/container-create.ts'

const CommitQuery = Type.Object({
  container: Parameter,
  repo: Parameter,
  tag: Parameter,
  comment: Parameter,
  author: Parameter,
  pause: Parameter,
  changes: Parameter,
})

export const commitRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const schema = { operationId: 'ImageCommit', querystring: CommitQuery, body: CommitBody }
  const options = { schema, preValidation: requireJson }
  app.post('/commit', options, async (request, reply) => {
    const container = text(request.query.container)
    if (container === undefined) throw badRequest('invalid name or ID supplied: ""')
    const given = commitRequest(request.query, request.body)
    return reply.code(201).send({ Id: await engine.commit(container, given, originOf(request)) })
  })
}

function commitRequest(
  { repo, tag, comment, author, pause, changes }: Static<typeof CommitQuery>,
  body: CommitBody | undefined,
): CommitRequest {
  const [repository, tagName] = [text(repo), text(tag)]
  const config = givenConfig(body)
  return {
    ...(repository !== undefined && { repository }),
    ...(tagName !== undefined && { tag: tagName }),
    ...(config && { config }),
    comment: text(comment) ?? '',
    author: text(author) ?? '',
    pause: text(pause) === undefined || flag(pause),
    changes: changes === undefined ? [] : [changes].flat().filter((change) => change !== ''),
  }
}

/** What clients write null for, as Go does, is not given. */
function givenConfig(body: CommitBody | undefined): Partial<ContainerConfig> | undefined {
  if (body === null || body === undefined) return undefined
  const given = Object.entries(body).filter(([, value]) => value !== null && value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, isWords(name) ? [value].flat() : value]))
}

/** Also one string, which then is the only word. */
const isWords = (name: string): boolean => name === 'Cmd' || name === 'Entrypoint'
