import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test as it } from 'vitest'
import { parseDetachKeys, untilDetached } from '../../../src/api/detach-keys.ts'
import { turns } from '../engine/turns.ts'

describe('Detach keys', () => {
  it.each([
    [undefined, [16, 17]],
    ['a', [97]],
    ['ctrl-@,ctrl-a,ctrl-z', [0, 1, 26]],
    ['ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_', [27, 28, 29, 30, 31]],
    ['DEL,x', [127, 120]],
  ])('%s are read', (keys, codes) => {
    expect([...parseDetachKeys(keys)]).toEqual(codes)
  })

  it.each(['ctrl-1', 'a,,b', 'ab', 'ctrl-A', 'del', 'é'])('%s are refused', (keys) => {
    expect(() => parseDetachKeys(keys)).toThrow(`Invalid detach keys (${keys}) provided`)
  })
})

/** What comes through of chunks that were typed, and how often the keys were seen. */
async function typed(keys: string, ...chunks: readonly string[]): Promise<readonly [string, number]> {
  const input = new PassThrough()
  let seen = 0
  const passed = untilDetached(input, parseDetachKeys(keys), () => {
    seen += 1
  })
  const all = text(passed)
  for (const chunk of chunks) {
    if (!input.destroyed) input.write(chunk)
    await turns(1)
  }
  if (!input.destroyed) input.end()
  return [await all, seen]
}

describe('Who types', () => {
  it.each<readonly [string, readonly string[], string, number]>([
    ['all goes through without them', ['hello', '\n'], 'hello\n', 0],
    ['what is before them goes through, the rest does not', ['one', 'two\x10\x11three', 'four'], 'onetwo', 1],
    ['they may come one by one', ['x\x10', '\x11', 'y'], 'x', 1],
    ['their beginning alone goes through, late', ['x\x10', 'y'], 'x\x10y', 0],
    ['their beginning at the end goes through', ['x\x10'], 'x\x10', 0],
    ['they may come after their own beginning', ['\x10', '\x10\x11'], '\x10', 1],
  ])('leaves by the keys: %s', async (_, chunks, through, seen) => {
    expect(await typed('ctrl-p,ctrl-q', ...chunks)).toEqual([through, seen])
  })

  it('leaves by longer keys whose beginnings repeat', async () => {
    expect(await typed('a,a,b', 'aa', 'a', 'b')).toEqual(['a', 1])
    expect(await typed('a,b,a,c', 'abab', 'ac')).toEqual(['ab', 1])
  })

  it('lets any bytes through unchanged', async () => {
    const input = new PassThrough()
    const passed = untilDetached(input, parseDetachKeys(), () => undefined)
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, code) => 255 - code))
    input.end(bytes)
    const chunks: Buffer[] = []
    for await (const chunk of passed) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
  })

  it('is not read any more by whom it left', async () => {
    const input = new PassThrough()
    const passed = untilDetached(input, parseDetachKeys(), () => undefined)
    passed.destroy()
    await turns()
    expect(input.destroyed).toBe(true)
  })

  it('that is gone ends what passes on', async () => {
    const input = new PassThrough()
    const passed = untilDetached(input, parseDetachKeys(), () => undefined)
    input.destroy()
    await turns()
    expect(passed.destroyed).toBe(true)
  })
})
