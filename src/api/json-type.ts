/** The docker CLI takes an answer for JSON only if its type is exactly `application/json`: it prints errors raw otherwise. */
import type { FastifyReply, FastifyRequest } from 'fastify'

const withCharset = 'application/json; charset=utf-8'

/** Hook for before an answer is sent: takes away the charset that Fastify adds; JSON is UTF-8 anyway (RFC 8259). */
export async function sendBareJsonType(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (reply.getHeader('content-type') === withCharset) reply.header('content-type', 'application/json')
}
