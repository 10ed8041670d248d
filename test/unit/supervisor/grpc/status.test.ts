import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { expect, test as it } from 'vitest'
import { noSuchContainer, TallyError } from '../../../../src/errors.ts'
import { fromStatus, toStatus } from '../../../../src/supervisor/grpc/status.ts'

function travelled(error: unknown): TallyError {
  const { code = status.UNKNOWN, details = '', metadata = new Metadata() } = toStatus(error)
  return fromStatus(Object.assign(new Error(details), { code, details, metadata }) as ServiceError)
}

it.each([
  new TallyError('bad-request', 'no', { step: 'awaitPid', detail: 'said ☃', exitCode: 127 }),
  new TallyError('conflict', 'busy'),
  new TallyError('internal', 'x', { exitCode: 0 }),
  noSuchContainer('a'),
])('%s arrives as it was sent', (error) => {
  const { code, message, step, detail, exitCode } = error
  expect(travelled(error)).toMatchObject({ code, message, step, detail, exitCode })
})

it('containerd’s clients see the code that they branch on', () => {
  expect(toStatus(noSuchContainer('a')).code).toBe(status.NOT_FOUND)
  expect(toStatus(new TallyError('already-exists', 'a')).code).toBe(status.ALREADY_EXISTS)
  expect(toStatus(new TallyError('conflict', 'a')).code).toBe(status.FAILED_PRECONDITION)
  expect(toStatus(new TallyError('internal', 'a')).code).toBe(status.UNKNOWN)
})

it('an error that is no TallyError is a bug of the server', () => {
  expect(travelled(new RangeError('oops'))).toMatchObject({ code: 'internal' })
})

it.each([status.UNAVAILABLE, status.CANCELLED])(
  'a call that was cut off (%i) means that nobody is there',
  (code) => {
    const error = Object.assign(new Error(''), { code, details: '', metadata: new Metadata() })
    expect(fromStatus(error)).toMatchObject({ code: 'unavailable' })
  },
)
