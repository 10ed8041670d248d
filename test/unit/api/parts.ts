/** What the API's tests are made of: an engine of which only the parts exist that a case needs, a daemon, and containers. */
import { tmpdir } from 'node:os'
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import { initialContext } from '../../../machines/container-context.ts'
import type { DaemonInfo } from '../../../src/api/daemon-info.ts'
import { createServer } from '../../../src/api/server.ts'
import { defaultHostConfig, mergeConfig } from '../../../src/engine/create-defaults.ts'
import type { ContainerView, CreateRequest, Engine } from '../../../src/engine/port.ts'
import { noSuchContainer } from '../../../src/errors.ts'
import type { Images } from '../../../src/images/port.ts'
import type { Volumes } from '../../../src/volumes/port.ts'

export const now = '2026-11-24T12:00:00.000000000Z'

export const daemon: DaemonInfo = {
  name: 'quay',
  version: '0.1.0',
  apiVersion: '1.41',
  minApiVersion: '1.24',
  gitCommit: 'abc1234',
  buildTime: '2026-11-24T00:00:00Z',
  roots: { dataRoot: `${tmpdir()}/tally-api-data`, execRoot: `${tmpdir()}/tally-api-exec` },
  cgroup: { driver: 'cgroupfs', version: '1' },
  runtimes: { runc: { path: 'runc' } },
  defaultRuntime: 'runc',
  liveRestore: true,
  startedAt: '2026-11-24T11:00:00.000000000Z',
}

function absent(name: string) {
  return () => {
    throw new Error(`${name} is not part of this test`)
  }
}

export interface EngineParts extends Omit<Partial<Engine>, 'images' | 'volumes'> {
  readonly images?: Partial<Images>
  readonly volumes?: Partial<Volumes>
}

/** Everything that a case does not give fails when it is used. */
export function engineOf({ images = {}, volumes = {}, ...parts }: EngineParts): Engine {
  const all = ['create', 'start', 'stop', 'restart', 'kill', 'rename', 'remove', 'wait', 'attach']
  const missing = [...all, 'get', 'list', 'messages', 'history'].map((name) => [name, absent(name)])
  const noImages = { find: () => undefined, list: () => [] }
  const noExecs = ['execs', { of: () => [] }]
  return {
    ...Object.fromEntries([...missing, noExecs]),
    ...parts,
    images: { ...noImages, ...images },
    volumes: { list: () => [], ...volumes },
  }
}

/** An engine that knows these containers, the newest first. */
export function engineWith(views: readonly ContainerView[], parts: EngineParts = {}): Engine {
  const get = (ref: string) => {
    const found = views.find(({ id, name }) => id === ref || name === ref)
    if (found === undefined) throw noSuchContainer(ref)
    return found
  }
  return engineOf({ list: () => views, get, ...parts })
}

export function serverFor(
  engine: Engine,
  log: NodeJS.WritableStream | undefined = undefined,
): FastifyInstance {
  const logger = log ? pino({ level: 'debug' }, log) : pino({ level: 'silent' })
  return createServer({ engine, daemon, logger, clock: { now: () => now, monotonic: () => 0n } })
}

export interface ViewParts {
  readonly id?: string
  readonly name?: string
  readonly status?: ContainerView['status']
  readonly state?: Partial<ContainerView['state']>
  readonly config?: Partial<CreateRequest['config']>
  readonly hostConfig?: CreateRequest['hostConfig']
}

const never = '0001-01-01T00:00:00Z'

export function viewOf(parts: ViewParts): ContainerView {
  const { id = 'a'.repeat(64), name = 'one', status = 'running', state = {} } = parts
  const hostConfig = defaultHostConfig({ NetworkMode: 'none', ...parts.hostConfig })
  const asked = { Image: 'busybox', Cmd: ['sleep', '1000'], ...parts.config }
  const running = status === 'running' || status === 'paused'
  const spec = {
    image: { id: `sha256:${'1'.repeat(64)}`, layers: ['base', 'top'] },
    config: mergeConfig(asked, {}, id, hostConfig),
    hostConfig,
    createdAt: '2026-11-24T11:59:00.123456789Z',
  }
  return {
    id,
    name,
    version: 1,
    status,
    milestone: status,
    context: { ...initialContext, id, name, spec },
    state: {
      running,
      paused: status === 'paused',
      oomKilled: false,
      dead: false,
      pid: running ? 4711 : 0,
      exitCode: 0,
      error: '',
      startedAt: status === 'created' ? never : '2026-11-24T11:59:30.000000000Z',
      finishedAt: status === 'exited' ? '2026-11-24T11:59:40.000000000Z' : never,
      ...state,
    },
  }
}
