/** The keys that let a client leave a terminal without ending what runs there: what they are, and the stream that looks out for them. */
import { type Readable, Transform } from 'node:stream'
import { badRequest } from '../errors.ts'

/** Ctrl-p, ctrl-q. */
const defaultKeys = 'ctrl-p,ctrl-q'

/** By code: ctrl-@ is 0, ctrl-a 1, and so on, ascii(7). */
const controlKeys = [...'@abcdefghijklmnopqrstuvwxyz[\\]^_'].map((key) => `ctrl-${key}`)

const deleteCode = 127

/**
 * `ctrl-p,ctrl-q`, `a,b`, `DEL`: what `detachKeys` of attach and of exec says; absent: Docker's default.
 * @throws TallyError bad-request
 */
export function parseDetachKeys(keys = defaultKeys): Buffer {
  const codes = keys.split(',').map(codeOf)
  if (codes.includes(undefined)) throw badRequest(`Invalid detach keys (${keys}) provided`)
  return Buffer.from(codes.map((code) => code ?? 0))
}

function codeOf(key: string): number | undefined {
  const bytes = Buffer.from(key)
  if (bytes.length === 1) return bytes[0]
  if (key === 'DEL') return deleteCode
  const code = controlKeys.indexOf(key)
  return code < 0 ? undefined : code
}

/**
 * What is typed, up to the keys. At the keys it ends and `detached` is called; keys that turn out to be something else are passed on. What
 * still comes after them is dropped.
 */
export function untilDetached(typed: Readable, keys: Buffer, detached: () => void): Readable {
  const search = new KeySearch(keys)
  const passed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (search.found) return done()
      const before = search.add(chunk)
      if (before.length > 0) this.push(before)
      if (search.found) {
        this.push(null)
        detached()
      }
      done()
    },
    flush(done) {
      done(null, search.found ? undefined : search.held)
    },
  })
  passed.once('close', () => typed.destroy())
  typed.once('close', () => void (typed.readableEnded || passed.destroy()))
  typed.on('error', () => passed.destroy())
  return typed.pipe(passed)
}

/** Finds the keys in chunks: a beginning of them at the end of one is held until the next tells. */
class KeySearch {
  readonly #keys: Buffer
  held: Buffer = Buffer.alloc(0)
  found = false

  constructor(keys: Buffer) {
    this.#keys = keys
  }

  /** @returns what is certain not to belong to the keys */
  add(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.held, chunk])
    const at = bytes.indexOf(this.#keys)
    this.found = at >= 0
    const end = this.found ? at : bytes.length - this.#begun(bytes)
    this.held = bytes.subarray(end)
    return bytes.subarray(0, end)
  }

  /** How many bytes at the end are the beginning of the keys. */
  #begun(bytes: Buffer): number {
    const longest = Math.min(this.#keys.length - 1, bytes.length)
    for (let length = longest; length > 0; length -= 1)
      if (bytes.subarray(-length).equals(this.#keys.subarray(0, length))) return length
    return 0
  }
}
