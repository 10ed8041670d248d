/** Streams of gzip, bzip2, xz and zstd, known by their first bytes. What Node cannot unpack, the host's own program does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { badRequest, TallyError } from '../errors.ts'

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz'

type Chunks = AsyncIterable<Uint8Array>

const MAGIC_LENGTH = 6
const CHUNK = 256 * 1024

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
]

export function compressionOf(start: Uint8Array): Compression {
  const found = magics.find(([, magic]) => magic.every((byte, index) => start[index] === byte))
  return found?.[0] ?? 'none'
}

/** The unpacked bytes. @throws TallyError bad-request for damaged data; not-supported if the host lacks the program. */
export async function* decompress(packed: Chunks): Chunks {
  const { start, rest } = await peek(packed)
  yield* unpack(compressionOf(start), rest)
}

function unpack(compression: Compression, packed: Chunks): Chunks {
  switch (compression) {
    case 'none':
      return packed
    case 'gzip':
      return throughZlib(createGunzip({ chunkSize: CHUNK }), packed)
    case 'zstd':
      return throughZlib(createZstdDecompress({ chunkSize: CHUNK }), packed)
    case 'bzip2':
    case 'xz':
      return throughProgram(compression, packed)
  }
}

async function* throughZlib(stream: ReturnType<typeof createGunzip>, packed: Chunks): Chunks {
  const feeding = pipeline(Readable.from(packed), stream)
  feeding.catch(() => undefined) // the reader below gets the same error
  try {
    yield* stream as Chunks
  } catch (cause) {
    throw isZlibError(cause) ? badRequest(`the archive is damaged: ${cause.message}`, cause) : cause
  }
  await feeding
}

async function* throughProgram(program: 'bzip2' | 'xz', packed: Chunks): Chunks {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] })
  const spawned = once(child, 'spawn').catch((cause: unknown) => Promise.reject(missing(program, cause)))
  await spawned
  const ended = exit(child)
  const feeding = pipeline(Readable.from(packed), child.stdin)
  feeding.catch(() => undefined) // a program that gives up says why on stderr
  try {
    yield* child.stdout as Chunks
    const { code, message } = await ended
    if (code !== 0) throw badRequest(`the archive is damaged: ${message || `${program} failed`}`)
    await feeding
  } finally {
    child.kill('SIGKILL')
  }
}

async function exit(
  child: ChildProcess,
): Promise<{ readonly code: number | null; readonly message: string }> {
  let message = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    message = `${message}${text}`.slice(0, 500)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, message: message.trim() }
}

const missing = (program: string, cause: unknown): TallyError =>
  new TallyError(
    'not-supported',
    `the archive is packed with ${program}, which is not installed on this machine`,
    {
      cause,
    },
  )

const isZlibError = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && /^(Z_|ZSTD_|ERR_ZSTD)/.test(String(error.code))

/** The first bytes, and the whole stream again. */
async function peek(chunks: Chunks): Promise<{ readonly start: Buffer; readonly rest: Chunks }> {
  const iterator = chunks[Symbol.asyncIterator]()
  const held: Uint8Array[] = []
  let length = 0
  while (length < MAGIC_LENGTH) {
    const { done, value } = await iterator.next()
    if (done === true) break
    held.push(value)
    length += value.length
  }
  return { start: Buffer.concat(held).subarray(0, MAGIC_LENGTH), rest: resume(held, iterator) }
}

async function* resume(held: readonly Uint8Array[], iterator: AsyncIterator<Uint8Array>): Chunks {
  yield* held
  try {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}
