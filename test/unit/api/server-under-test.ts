/** The real server over the parts of an engine that a test gives, and an image to ask it for. */
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import { createServer } from '../../../src/api/server.ts'
import type { Image } from '../../../src/images/port.ts'
import type { Roots } from '../../../src/paths.ts'
import { daemon, type EngineParts, engineOf } from './parts.ts'

/** With the system's clock, because files are written and read below these roots. */
export function serverBelow(roots: Roots, parts: EngineParts): FastifyInstance {
  return createServer({
    engine: engineOf(parts),
    daemon: { ...daemon, roots },
    logger: pino({ level: 'silent' }),
  })
}

export const anImage = (change: Partial<Image> = {}): Image => ({
  id: `sha256:${'1'.repeat(64)}`,
  config: { Cmd: ['sh'], Env: ['A=b'] },
  tags: ['busybox:latest'],
  diffIds: [`sha256:${'2'.repeat(64)}`],
  layers: ['layer'],
  size: 1_982_298,
  createdAt: '2026-11-24T06:51:35.476311514Z',
  architecture: 'amd64',
  os: 'linux',
  author: '',
  comment: 'hello',
  dockerVersion: '',
  history: [{ created: '2026-11-24T06:51:35.476311514Z', comment: 'hello' }],
  ...change,
})
