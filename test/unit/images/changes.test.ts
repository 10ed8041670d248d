import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TallyError } from '../../../src/errors.ts'
import { applyChanges } from '../../../src/images/changes.ts'
import { instructions, words } from '../../../src/images/dockerfile-words.ts'

/** What dockerd 20.10.24 answered to `import` with each of these, fields that are empty left out. */
interface Recorded {
  readonly change: string
  readonly config?: object
  readonly error?: string
}

const recorded = JSON.parse(
  readFileSync(new URL('../../fixtures/images/changes.json', import.meta.url), 'utf8'),
) as readonly Recorded[]

function outcome(action: () => unknown): unknown {
  try {
    action()
    return 'accepted'
  } catch (error) {
    return error instanceof TallyError ? error.code : error
  }
}

const filled = (config: object): object =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== '' && value !== null))

describe('changes of an import', () => {
  it.each(recorded.filter(({ config }) => config !== undefined))(
    '%j give what dockerd gives',
    ({ change, config }) => {
      expect(filled(applyChanges({}, [change]))).toEqual(config)
    },
  )

  it.each(recorded.filter(({ error }) => error !== undefined))(
    '%j are refused as dockerd refuses',
    ({ change, error }) => {
      expect(() => applyChanges({}, [change])).toThrow(
        expect.objectContaining({ code: 'bad-request', message: error }),
      )
    },
  )

  it('are read as one file, so that a later one sees the earlier ones', () => {
    const config = applyChanges({}, ['ENV A=1', 'ENV A=2 B=$A', 'WORKDIR /a', 'WORKDIR b/../c'])
    expect(config).toEqual({ Env: ['A=2', 'B=1'], WorkingDir: '/a/c' })
  })

  it('accept a signal by name or number and no other', () => {
    expect(applyChanges({}, ['STOPSIGNAL SIGINT', 'STOPSIGNAL 9']).StopSignal).toBe('9')
    expect(() => applyChanges({}, ['STOPSIGNAL foo'])).toThrow('Invalid signal: foo')
  })

  it('leave the config alone if there are none', () => {
    expect(applyChanges({ User: 'x' }, [])).toEqual({ User: 'x' })
  })

  it('fail only with a refusal, whatever they are', () => {
    const command = fc.constantFrom(
      'CMD',
      'ENTRYPOINT',
      'ENV',
      'EXPOSE',
      'LABEL',
      'USER',
      'VOLUME',
      'WORKDIR',
      'HEALTHCHECK',
    )
    const rest = fc.string({ unit: fc.constantFrom(...'a1 =\\"\'$:{}-[],/\n') })
    fc.assert(
      fc.property(command, rest, (name, text) => {
        expect(['accepted', 'bad-request']).toContain(outcome(() => applyChanges({}, [`${name} ${text}`])))
      }),
    )
  })
})

describe('the words of a Dockerfile', () => {
  it.each([
    ['a b\tc', ['a', 'b', 'c']],
    ['A="b c" d\\ e', ['A="b c"', 'd\\ e']],
    ["'a b'c 'open d", ["'a b'c", "'open d"]],
    ['"a\\" b" c', ['"a\\" b"', 'c']],
  ])('of %j are %j', (text, expected) => {
    expect(words(text)).toEqual(expected)
  })

  it('join lines that end in a backslash and skip comments between them', () => {
    expect(instructions('ENV a=1 \\\n# no\n  b=2\nUSER x')).toEqual([
      { command: 'env', rest: 'a=1   b=2' },
      { command: 'user', rest: 'x' },
    ])
  })
})
