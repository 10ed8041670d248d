import { expect, test as it } from 'vitest'
import { requestedVersion, versionComplaint, withoutVersion } from '../../../src/api/version.ts'

const served = { apiVersion: '1.41', minApiVersion: '1.24' }

it.each([
  ['/v1.41/info', '/info', '1.41'],
  ['/v1.41', '/', '1.41'],
  ['/v1.41?x=1', '/?x=1', '1.41'],
  ['/info', '/info', undefined],
  ['/volumes', '/volumes', undefined],
  ['/version', '/version', undefined],
  ['/v1/info', '/info', '1'],
])('%s is %s in version %s', (url, path, version) => {
  expect(withoutVersion(url)).toBe(path)
  expect(requestedVersion(url)).toBe(version)
})

it('versions are compared by number, not as text', () => {
  expect(versionComplaint('1.9', served)?.kind).toBe('too-old')
  expect(versionComplaint('1.100', served)?.kind).toBe('too-new')
  expect(versionComplaint('2.0', served)?.kind).toBe('too-new')
  for (const version of ['1.24', '1.30', '1.41']) expect(versionComplaint(version, served)).toBeUndefined()
})
