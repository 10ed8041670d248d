/** The thread that unpacks layers: what blocks here blocks nobody else. Started by `extraction.ts`. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { TallyError } from '../errors.ts'
import { callSync } from '../kernel/addon.ts'
import { StreamBytes } from './byte-source.ts'
import { decompress } from './decompress.ts'
import { DiskRoom } from './disk-room.ts'
import type { Acknowledgement, Extracted, Extraction, ExtractionAnswer, FileRange } from './extraction.ts'
import { LayerWriter } from './layer-writer.ts'
import { TarError } from './tar-header.ts'
import { TarReader } from './tar-reader.ts'

type Chunks = AsyncIterable<Uint8Array>

const READ_SIZE = 1024 * 1024
const acknowledgement: Acknowledgement = { kind: 'consumed' }

async function extract({ source, target, port }: Extraction): Promise<Extracted> {
  const packed = createHash('sha256')
  const unpacked = createHash('sha256')
  const chunks = source.kind === 'port' ? received(port) : openRange(source)
  const bytes = tapped(decompress(tapped(chunks, packed)), unpacked)
  const size = await writeLayer(bytes, target)
  return { blobDigest: digest(packed), diffId: digest(unpacked), size }
}

async function writeLayer(bytes: AsyncGenerator<Uint8Array>, target: string): Promise<number> {
  const writer = new LayerWriter(target)
  try {
    await writeAll(new TarReader(new StreamBytes(bytes)), writer, new DiskRoom(target))
    writer.finish()
    callSync('syncfs', writer.fd)
    return writer.size
  } finally {
    writer.close()
    await bytes.return(undefined) // ends whatever still waits to be read
  }
}

async function* openRange({ path, start, end }: FileRange): Chunks {
  if (end > start) yield* createReadStream(path, { start, end: end - 1, highWaterMark: READ_SIZE }) as Chunks
}

/** What the port brings, until it brings null. */
async function* received(port: MessagePort): Chunks {
  const waiting: (Uint8Array | null)[] = []
  let wake = () => {}
  port.on('message', (chunk: Uint8Array | null) => {
    waiting.push(chunk)
    wake()
  })
  for (;;) {
    const chunk = waiting.shift()
    if (chunk === null) return
    if (chunk === undefined) await new Promise<void>((resolve) => (wake = resolve))
    else {
      yield chunk
      port.postMessage(acknowledgement)
    }
  }
}

async function writeAll(tar: TarReader, writer: LayerWriter, room: DiskRoom): Promise<void> {
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    const file = writer.add(entry)
    if (file === undefined) continue
    try {
      for (let part = await tar.read(); part !== undefined; part = await tar.read()) {
        room.take(part.length)
        file.write(part)
      }
      file.finish()
    } finally {
      file.close()
    }
  }
}

async function* tapped(chunks: Chunks, hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

const digest = (hash: ReturnType<typeof createHash>): string => `sha256:${hash.digest('hex')}`

/** The archive's fault, the disk's, or ours. */
function failure(error: unknown): ExtractionAnswer {
  if (error instanceof TallyError) return { kind: 'failed', code: error.code, message: error.message }
  if (error instanceof TarError) return { kind: 'failed', code: 'bad-request', message: error.message }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const ofTheMachine = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'EROFS', 'EPERM', 'EACCES']
  const ofTheArchive = /^E[A-Z0-9]+$/.test(code) && !ofTheMachine.includes(code)
  const message = error instanceof Error ? error.message : String(error)
  return { kind: 'failed', code: ofTheArchive ? 'bad-request' : 'internal', message }
}

parentPort?.on('message', (extraction: Extraction) => {
  extract(extraction)
    .then((extracted): ExtractionAnswer => ({ kind: 'extracted', extracted }), failure)
    .then((answer) => {
      extraction.port.postMessage(answer)
      extraction.port.close()
    })
    .catch((error: Error) => process.emitWarning(error))
})
