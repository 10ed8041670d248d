import { describe, expect, test as it } from 'vitest'
import { checkLogConfig, logLimits, parseSize } from '../../../src/oci/log-driver.ts'

describe('A size of a log', () => {
  it.each([
    ['1000', 1000],
    ['512b', 512],
    ['10k', 10_000],
    ['10K', 10_000],
    ['10kb', 10_000],
    ['10 MB', 10_000_000],
    ['1.5g', 1_500_000_000],
    ['2t', 2_000_000_000_000],
    ['10MiB', 10_000_000],
    ['-1', 0],
  ])('%s is %i bytes, in Docker’s decimal units', (text, bytes) => expect(parseSize(text)).toBe(bytes))
})

describe('Limits of a log', () => {
  const limits = (Type: string, Config: Record<string, string> = {}) => logLimits({ Type, Config })

  it('are none for json-file, and five files of 20 MB for local', () => {
    expect(limits('json-file')).toEqual({ maxSize: 0, maxFile: 1 })
    expect(limits('local')).toEqual({ maxSize: 20_000_000, maxFile: 5 })
    expect(limits('json-file', { 'max-size': '1m', 'max-file': '3' })).toEqual({ maxSize: 1e6, maxFile: 3 })
  })

  it.each([
    [{ 'max-size': 'nonsense' }, "invalid size: 'nonsense'"],
    [{ 'max-file': '0' }, 'max-file cannot be less than 1'],
    [{ 'max-file': 'x' }, 'strconv.Atoi: parsing "x": invalid syntax'],
  ])('%j are refused', (Config, reason) =>
    expect(() => limits('json-file', Config)).toThrow(`failed to initialize logging driver: ${reason}`),
  )
})

describe('A log driver', () => {
  it.each(['json-file', 'local', 'none', ''])('may be %j', (Type) =>
    expect(() => checkLogConfig({ Type, Config: {} })).not.toThrow(),
  )

  it.each([
    ['syslog', {}, 'log driver syslog is not supported yet'],
    ['nope', {}, 'error looking up logging plugin nope: plugin "nope" not found'],
    ['toString', {}, 'error looking up logging plugin toString: plugin "toString" not found'],
    ['json-file', { nope: '1' }, "unknown log opt 'nope' for json-file log driver"],
    ['local', { tag: '1' }, "unknown log opt 'tag' for log driver local"],
    ['json-file', { tag: 'x' }, 'log option tag is not supported yet'],
    ['json-file', { mode: 'nope' }, 'logger: logging mode not supported: nope'],
    [
      'local',
      { 'max-buffer-size': '4m' },
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    ],
    ['json-file', { mode: 'non-blocking' }, 'log option mode is not supported yet'],
  ])('%s with %j is refused', (Type, Config, message) =>
    expect(() => checkLogConfig({ Type, Config })).toThrow(message),
  )

  it('may be asked for what is so anyway', () => {
    expect(() =>
      checkLogConfig({ Type: 'json-file', Config: { mode: 'blocking', compress: 'false' } }),
    ).not.toThrow()
  })
})
