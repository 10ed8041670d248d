import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { layerPath, type Roots } from '../../../src/paths.ts'
import { engineOf, serverFor, viewOf } from './parts.ts'
import { anImage as image, serverBelow } from './server-under-test.ts'

const container = viewOf({ name: 'web', status: 'exited' })

let roots: Roots

beforeEach(() => {
  const dataRoot = mkdtempSync(join(tmpdir(), 'tallyman-system-'))
  roots = { dataRoot, execRoot: dataRoot }
})

afterEach(() => rmSync(roots.dataRoot, { recursive: true }))

describe('GET /version', () => {
  it('is what clients negotiate with, and names the parts', async () => {
    const answer = (await serverBelow(roots, {}).inject('/version')).json()
    expect(answer).toMatchObject({
      Version: '0.1.0',
      ApiVersion: '1.41',
      MinAPIVersion: '1.24',
      GitCommit: 'abc1234',
      Os: 'linux',
      KernelVersion: release(),
      GoVersion: `none (Node.js ${process.version})`,
    })
    expect(answer.Arch).toBe(arch() === 'x64' ? 'amd64' : arch())
    const [engine, ...others] = answer.Components
    expect(engine).toMatchObject({ Name: 'Engine', Details: { ApiVersion: '1.41', MinAPIVersion: '1.24' } })
    expect(others.map(({ Name }: { Name: string }) => Name)).toEqual(['supervisor', 'shim', 'runc'])
  })
})

describe('GET /info', () => {
  it('counts containers and images, and tells of the machine', async () => {
    const list = () => [container, viewOf({}), viewOf({ status: 'paused' })]
    const part = { list, images: { list: () => [image()] } }
    const info = (await serverBelow(roots, part).inject('/info')).json()
    expect(info).toMatchObject({
      Containers: 3,
      ContainersRunning: 1,
      ContainersPaused: 1,
      ContainersStopped: 1,
      Images: 1,
      Name: 'quay',
      ServerVersion: '0.1.0',
      Driver: 'overlay2',
      DockerRootDir: roots.dataRoot,
      CgroupDriver: 'cgroupfs',
      CgroupVersion: '1',
      KernelVersion: release(),
      MemTotal: totalmem(),
      DefaultRuntime: 'runc',
      Swarm: { LocalNodeState: 'inactive' },
    })
    expect(info.ID).toMatch(/^([A-P]{4}:){11}[A-P]{4}$/)
  })
})

describe('GET /system/df', () => {
  const file = (layer: string, name: string, bytes: number) => {
    const directory = join(layerPath(roots, layer), 'diff', 'sub')
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, name), Buffer.alloc(bytes))
    return join(directory, name)
  }

  it('counts each layer once, each hard link once, and what containers wrote', async () => {
    const shared = file('base', 'a', 1000)
    linkSync(shared, `${shared}-too`)
    file('one', 'b', 200)
    file('two', 'c', 30)
    file(container.id, 'written', 4)
    const imageId = container.context.spec?.image.id ?? ''
    const one = image({ id: imageId, layers: ['base', 'one'], size: 1200 })
    const two = image({ id: 'sha256:two', layers: ['base', 'two'], size: 1030 })
    const part = { list: () => [container], images: { list: () => [one, two], find: () => one } }
    const usage = (await serverBelow(roots, part).inject('/system/df')).json()
    expect(usage).toMatchObject({
      LayersSize: 1230,
      Images: [
        { Id: imageId, Containers: 1, SharedSize: 1000, Size: 1200 },
        { Id: 'sha256:two', Containers: 0, SharedSize: 1000, Size: 1030 },
      ],
      Containers: [{ Id: container.id, Names: ['/web'], SizeRw: 4, SizeRootFs: 1204 }],
      Volumes: [],
    })
  })
})

describe('GET /tally/containers/{id}/events', () => {
  it('has one line an event, its type apart from its data', async () => {
    const meta = { time: '2026-11-24T06:00:00.000000001Z', monotonic: '7', bootId: 'b', uid: 0 }
    const event = { type: 'StartRequested', runId: 'r' } as const
    const app = serverFor(
      engineOf({
        history: () => [
          { position: 5, stream: 'container/x', version: 2, schema: 1, event, meta, hash: 'ff' },
        ],
      }),
    )
    const answer = await app.inject('/v1.41/tally/containers/web/events')
    expect(answer.headers['content-type']).toBe('application/x-ndjson; charset=utf-8')
    expect(answer.body).toBe(
      '{"position":5,"version":2,"type":"StartRequested","time":"2026-11-24T06:00:00.000000001Z","data":{"runId":"r"},' +
        '"meta":{"monotonic":"7","bootId":"b","uid":0},"hash":"ff"}\n',
    )
  })
})
