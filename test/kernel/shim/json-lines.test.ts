import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build, built, logWriters } from './build.ts'
import type { LogLine } from './task.ts'

const directory = mkdtempSync(join(tmpdir(), 'tally-json-'))
const part = 16384

beforeAll(build)
afterAll(() => rmSync(directory, { recursive: true }))

function written(writer: string, input: Uint8Array, chunk: number): string {
  const path = join(directory, randomBytes(6).toString('hex'))
  execFileSync(built(writer), [path, '0', '1', String(chunk)], { input })
  return readFileSync(path, 'utf8')
}

const logs = (text: string): readonly string[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as LogLine).log)

/** Lines as Docker cuts them: at each newline, and after each 16 KiB without one. */
function lines(bytes: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.subarray(at, at + part).indexOf(10)
    const end = newline >= 0 ? at + newline + 1 : at + part
    found.push(bytes.subarray(at, end))
    at = end
  }
  return found
}

/** Text as Go reads it: each byte that begins no valid sequence is one U+FFFD. */
function goText(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const [character, length] = goRune(bytes.subarray(at, at + 4))
    text += character
    at += length
  }
  return text
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function goRune(bytes: Uint8Array): readonly [string, number] {
  for (let length = 1; length <= bytes.length; length++) {
    try {
      return [strict.decode(bytes.subarray(0, length)), length]
    } catch {}
  }
  return ['\ufffd', 1]
}

/** Bytes that are often special: controls, quotes, beginnings and middles of UTF-8 sequences. */
const spicyByte = fc.oneof(
  fc.constantFrom(...Buffer.from('\n\r\t\0"\\<>&a')),
  fc.constantFrom(0xc2, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0x80, 0xa8, 0xa9, 0xbf, 0xff),
  fc.integer({ min: 0, max: 255 }),
)
const spicyBytes = fc
  .array(
    fc.oneof(
      spicyByte.map((byte) => Buffer.of(byte)),
      fc.string({ unit: 'grapheme' }).map((s) => Buffer.from(s)),
    ),
  )
  .map((pieces) => Buffer.concat(pieces))

describe.each(logWriters)('the log writer (%s)', (writer) => {
  it('writes any bytes so that they read back as Go would have read them, however they arrive', () => {
    fc.assert(
      fc.property(spicyBytes, fc.integer({ min: 1, max: 40 }), (bytes, chunk) => {
        expect(logs(written(writer, bytes, chunk))).toEqual(lines(bytes).map(goText))
      }),
      { numRuns: 60 },
    )
  })

  it('cuts random bytes of any length at newlines and at 16 KiB', () => {
    for (const size of [part - 1, part, part + 1, 3 * part, 200_000]) {
      const bytes = Buffer.from(randomBytes(size).map((byte, at) => (byte === 10 && at % 3 ? 11 : byte)))
      expect(logs(written(writer, bytes, 65536))).toEqual(lines(bytes).map(goText))
      expect(logs(written(writer, bytes, 1000))).toEqual(lines(bytes).map(goText))
    }
  })

  it('leaves nothing in the file that HTML or JavaScript could take for its own', () => {
    const text = written(writer, Buffer.from('<script>&\u2028\u2029\x00\x1f'), 65536)
    const log = text.slice(text.indexOf(':') + 2, text.indexOf('","stream'))
    expect(log).toBe(String.raw`\u003cscript\u003e\u0026\u2028\u2029\u0000\u001f`)
  })

  it('writes the worst case, where each byte becomes six', () => {
    const bytes = Buffer.alloc(10 * part, 1)
    expect(logs(written(writer, bytes, 65536)).join('')).toBe(bytes.toString('latin1'))
  })
})
