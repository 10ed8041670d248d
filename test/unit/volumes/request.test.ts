import { expect, test as it } from 'vitest'
import { boundDirectory, checkRequest } from '../../../src/volumes/request.ts'

const request = { name: 'data', driver: '', labels: null, options: null }

it.each([
  [{}],
  [{ driver: 'local' }],
  [{ options: {} }],
  [{ options: { type: 'none', o: 'bind', device: '/srv' } }],
  [{ options: { type: 'none', o: 'rbind,ro', device: '/srv' } }],
])('%j is fine', (changes) => {
  expect(() => checkRequest({ ...request, ...changes })).not.toThrow()
})

it.each([
  [
    { driver: 'nope' },
    'not-found',
    'create data: error looking up volume plugin nope: plugin "nope" not found',
  ],
  [
    { name: 'x' },
    'bad-request',
    'create x: volume name is too short, names should be at least two alphanumeric characters',
  ],
  [
    { name: '../up' },
    'bad-request',
    'create ../up: "../up" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
  ],
  [{ options: { foo: 'bar' } }, 'bad-request', 'create data: invalid option: "foo"'],
  [{ options: { type: 'tmpfs' } }, 'bad-request', 'create data: missing required option: "device"'],
  [{ options: { device: '/tmp' } }, 'bad-request', 'create data: missing required option: "type"'],
  [
    { options: { type: 'none', o: 'bind', device: 'srv' } },
    'bad-request',
    'create data: device srv is no absolute path',
  ],
  [
    { options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } },
    'not-supported',
    'create data: volumes of type tmpfs are not supported yet, only directories (type=none, o=bind)',
  ],
  [
    { options: { type: 'none', device: '/srv', o: 'bind,noexec' } },
    'not-supported',
    'create data: mount option noexec is not supported yet',
  ],
])('%j is refused', (changes, code, message) => {
  expect(() => checkRequest({ ...request, ...changes })).toThrow(expect.objectContaining({ code, message }))
})

it.each([
  [null, { readOnly: false }],
  [
    { type: 'none', o: 'bind', device: '/srv' },
    { device: '/srv', readOnly: false },
  ],
  [
    { type: 'none', o: 'bind,ro', device: '/srv' },
    { device: '/srv', readOnly: true },
  ],
])('%j stands for %j', (options, directory) => {
  expect(boundDirectory(options)).toEqual(directory)
})
