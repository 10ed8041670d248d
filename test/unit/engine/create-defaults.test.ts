import { hostname } from 'node:os'
import { describe, expect, test as it } from 'vitest'
import type { ContainerConfig } from '../../../machines/spec.ts'
import { defaultHostConfig, mergeConfig } from '../../../src/engine/create-defaults.ts'
import type { ImageConfig } from '../../../src/images/port.ts'

const id = 'abcdef012345'.padEnd(64, '6')

const merge = (config: Partial<ContainerConfig>, image: ImageConfig = {}, NetworkMode = 'none') =>
  mergeConfig({ Image: 'busybox', ...config }, image, id, { NetworkMode })

describe('The command', () => {
  const image = { Entrypoint: ['/init'], Cmd: ['serve'] }

  it.each([
    [{}, ['/init'], ['serve']],
    [{ Cmd: ['other'] }, ['/init'], ['other']],
    [{ Cmd: [] }, ['/init'], ['serve']],
    [{ Entrypoint: ['/mine'] }, ['/mine'], null],
    [{ Entrypoint: ['/mine'], Cmd: ['x'] }, ['/mine'], ['x']],
    [{ Entrypoint: [''] }, null, null],
    [{ Entrypoint: [''], Cmd: ['x'] }, null, ['x']],
    [{ Entrypoint: [] }, [], ['serve']],
    [{ Entrypoint: null, Cmd: null }, ['/init'], ['serve']],
  ])('%j over the image of /init serve is %j %j', (config, entrypoint, cmd) => {
    expect(merge(config, image)).toMatchObject({ Entrypoint: entrypoint, Cmd: cmd })
  })
})

it('variables merge by name, those of the client first', () => {
  const { Env } = merge({ Env: ['A=1', 'B'] }, { Env: ['A=2', 'B=3', 'C=4'] })
  expect(Env).toEqual(['A=1', 'B', 'C=4'])
})

it('labels, ports and volumes merge by key', () => {
  const merged = merge(
    { Labels: { a: '1' }, ExposedPorts: { '80/tcp': {} }, Volumes: { '/v': {} } },
    { Labels: { a: '2', b: '3' }, ExposedPorts: { '443/tcp': {} }, Volumes: { '/w': {} } },
  )
  expect(merged.Labels).toEqual({ a: '1', b: '3' })
  expect(Object.keys(merged.ExposedPorts ?? {}).sort()).toEqual(['443/tcp', '80/tcp'])
  expect(Object.keys(merged.Volumes ?? {}).sort()).toEqual(['/v', '/w'])
})

it('user, working directory and stop signal come from the image unless given', () => {
  const image = { User: 'bob', WorkingDir: '/srv/', StopSignal: 'SIGINT' }
  expect(merge({}, image)).toMatchObject({ User: 'bob', WorkingDir: '/srv', StopSignal: 'SIGINT' })
  expect(merge({ User: '5', WorkingDir: '/x', StopSignal: 'SIGHUP' }, image)).toMatchObject({
    User: '5',
    WorkingDir: '/x',
    StopSignal: 'SIGHUP',
  })
})

it('the host name is the beginning of the id, on the network of the host that of the host', () => {
  expect(merge({}).Hostname).toBe('abcdef012345')
  expect(merge({}, {}, 'host').Hostname).toBe(hostname())
  expect(merge({ Hostname: 'mine' }, {}, 'host').Hostname).toBe('mine')
})

it('what is not set stays out', () => {
  const merged = merge({})
  expect(merged).not.toHaveProperty('StopSignal')
  expect(merged).not.toHaveProperty('StopTimeout')
  expect(merge({ StopTimeout: 0 }).StopTimeout).toBe(0)
})

describe('The host config', () => {
  it('takes null, empty and 0 for the default', () => {
    const raw = { Dns: null, Mounts: null, Tmpfs: null, ShmSize: 0, Runtime: '', NetworkMode: '' }
    expect(defaultHostConfig(raw as object)).toMatchObject({
      Dns: [],
      Mounts: [],
      Tmpfs: {},
      ShmSize: 67_108_864,
      Runtime: 'runc',
      NetworkMode: 'default',
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      LogConfig: { Type: 'json-file', Config: {} },
    })
  })

  it('lets swap be as large as memory', () => {
    expect(defaultHostConfig({ Memory: 1000 }).MemorySwap).toBe(2000)
    expect(defaultHostConfig({ Memory: 1000, MemorySwap: -1 }).MemorySwap).toBe(-1)
  })

  it('shows which paths are hidden, unless privileged or asked otherwise', () => {
    expect(defaultHostConfig({}).MaskedPaths).toContain('/proc/kcore')
    expect(defaultHostConfig({ Privileged: true }).MaskedPaths).toBeNull()
    expect(defaultHostConfig({ MaskedPaths: [] }).MaskedPaths).toEqual([])
  })

  it('keeps fields that it does not know', () => {
    const raw = { ConsoleSize: [24, 80] }
    expect(defaultHostConfig(raw as object)).toMatchObject(raw)
  })

  it('takes the default runtime of the daemon', () => {
    expect(defaultHostConfig({}, { runtime: 'crun' }).Runtime).toBe('crun')
  })
})
