/** The one place where an error becomes an HTTP answer: Docker's `{"message": …}` with the status of src/errors.ts. */
import { getSystemErrorMap } from 'node:util'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { httpStatus, TallyError } from '../errors.ts'

export const pageNotFound = { message: 'page not found' } as const

/** Answers for what a route threw; what nobody foresaw is a bug and is logged here, once. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = knownAnswer(error)
  if (known === undefined) request.log.error({ err: error }, 'request failed')
  const { status, message } = known ?? {
    status: 500,
    message: `internal error: the daemon's log says more under request ${request.id}`,
  }
  reply.code(status)
  if (status === 304) reply.send()
  else reply.type('application/json').send({ message })
}

function knownAnswer(error: unknown): { readonly status: number; readonly message: string } | undefined {
  if (error instanceof TallyError) return { status: httpStatus(error.code), message: error.message }
  if (isOutOfRoom(error)) return { status: 500, message: systemSentence(error) }
  return isClientError(error) ? { status: error.statusCode, message: error.message } : undefined
}

/** Fastify's own errors (a body too large, a malformed URL or JSON, a schema that does not fit) carry their status. */
function isClientError(error: unknown): error is FastifyError & { statusCode: number } {
  if (!(error instanceof Error) || !('statusCode' in error)) return false
  return typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500
}

/** What the host's own state forbids (errno(3)) is no bug of ours: a full or read-only disk, a quota. */
function isOutOfRoom(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && outOfRoom.includes(String(error.code))
}

const outOfRoom: readonly string[] = ['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE']

/** As Go writes it: `mkdir /data/x: no space left on device`. */
function systemSentence({ errno, syscall, path }: NodeJS.ErrnoException): string {
  const words = getSystemErrorMap().get(errno ?? 0)?.[1] ?? 'unknown error'
  const where = [syscall, path].filter((word) => word !== undefined).join(' ')
  return where === '' ? words : `${where}: ${words}`
}
