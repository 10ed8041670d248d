/** The thread that unpacks one layer: what blocks here blocks nobody else. Started by `extraction.ts`. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { TallyError } from '../errors.ts'
import { callSync } from '../kernel/addon.ts'
import { StreamBytes } from './byte-source.ts'
import { decompress } from './decompress.ts'
import { DiskRoom } from './disk-room.ts'
import type { Extracted, Extraction, ExtractionAnswer } from './extraction.ts'
import { LayerWriter } from './layer-writer.ts'
import { TarError } from './tar-header.ts'
import { TarReader } from './tar-reader.ts'

type Chunks = AsyncIterable<Uint8Array>

const READ_SIZE = 1024 * 1024

async function extract({ source, target }: Extraction): Promise<Extracted> {
  const packed = createHash('sha256')
  const unpacked = createHash('sha256')
  const chunks = source.kind === 'stdin' ? process.stdin : openRange(source)
  const tar = new TarReader(new StreamBytes(tapped(decompress(tapped(chunks, packed)), unpacked)))
  const writer = new LayerWriter(target)
  try {
    await writeAll(tar, writer, new DiskRoom(target))
    writer.finish()
    callSync('syncfs', writer.fd)
    return { blobDigest: digest(packed), diffId: digest(unpacked), size: writer.size }
  } finally {
    writer.close()
  }
}

function openRange({ path, start, end }: Extract<Extraction['source'], { kind: 'file' }>): Chunks {
  if (end <= start) return emptyChunks()
  return createReadStream(path, { start, end: end - 1, highWaterMark: READ_SIZE })
}

async function* emptyChunks(): Chunks {}

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

async function* tapped(chunks: Chunks, hash: ReturnType<typeof createHash>): Chunks {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

const digest = (hash: ReturnType<typeof createHash>): string => `sha256:${hash.digest('hex')}`

/** The archive's fault, the disk's, or ours. */
function failure(error: unknown): Extract<ExtractionAnswer, { failed: true }> {
  if (error instanceof TallyError) return { failed: true, code: error.code, message: error.message }
  if (error instanceof TarError) return { failed: true, code: 'bad-request', message: error.message }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const ofTheMachine = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'EROFS', 'EPERM', 'EACCES'].includes(code)
  const ofTheArchive = code.startsWith('E') && !code.startsWith('ERR_') && !ofTheMachine
  const message = error instanceof Error ? error.message : String(error)
  return { failed: true, code: ofTheArchive ? 'bad-request' : 'internal', message }
}

const answer: ExtractionAnswer = await extract(workerData as Extraction).then(
  (extracted) => ({ failed: false, extracted }),
  (error: unknown) => failure(error),
)
parentPort?.postMessage(answer)
process.stdin.destroy()
