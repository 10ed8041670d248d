import { expect, test as it } from 'vitest'
import { signalNumber } from '../../../src/supervisor/signals.ts'

it.each([
  ['SIGTERM', 15],
  ['TERM', 15],
  ['sigkill', 9],
  ['9', 9],
  ['64', 64],
  ['SIGRTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['SIGRTMAX-1', 63],
])('%s is signal %i', (name, number) => {
  expect(signalNumber(name)).toBe(number)
})

it.each(['', '0', '65', '-1', 'SIGNONE', 'SIGRTMIN+31', 'SIGRTMAX+1', 'toString'])(
  '%j is no signal',
  (name) => {
    expect(() => signalNumber(name)).toThrow(`Invalid signal: ${name}`)
  },
)
