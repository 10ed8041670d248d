/**
 * Copies the database while it is in use, and nobody waits for it: the file and its WAL, byte by byte, with checkpoints held off. Then the
 * file does not change, and of a WAL every beginning is a whole log: frames carry a checksum over all before them, so what was appended
 * while it was read counts up to the last whole commit. Reading takes what the disk holds, not what SQLite remembers.
 */
import { closeSync, fstatSync, openSync, read } from 'node:fs'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { TallyError } from '../errors.ts'

const readAt = promisify(read)

export interface Copier {
  /** Makes `target` and `<target>-wal`, private; whoever opens it there has the database as it was at the call or a little later. */
  copy(target: string, signal: AbortSignal): Promise<void>
  /** Aborts the copies that are being made. */
  close(): Promise<void>
}

/**
 * @param path of the database, open already. Its descriptor is kept for life: closing it would drop SQLite's locks, fcntl(2).
 * @param hold keeps checkpoints away until what it returns is called.
 */
export function openCopier(path: string, hold: () => () => void): Copier & { release(): void } {
  const database = openSync(path, 'r')
  const wal = openSync(`${path}-wal`, 'r')
  const closing = new AbortController()
  const copies = new Set<Promise<void>>()

  async function make(target: string, signal: AbortSignal): Promise<void> {
    const release = hold()
    try {
      const sizes = { database: fstatSync(database).size, wal: fstatSync(wal).size }
      await copyBytes({ from: database, size: sizes.database, target }, signal)
      await copyBytes({ from: wal, size: sizes.wal, target: `${target}-wal` }, signal)
    } finally {
      release()
    }
  }

  return {
    async copy(target, signal) {
      const copying = make(target, AbortSignal.any([signal, closing.signal]))
      copies.add(copying)
      await copying.finally(() => copies.delete(copying))
    },
    async close() {
      closing.abort()
      await Promise.allSettled(copies)
    },
    release() {
      closeSync(database)
      closeSync(wal)
    },
  }
}

interface Bytes {
  readonly from: number
  readonly size: number
  readonly target: string
}

const chunkSize = 1024 * 1024

/** Not by a stream: one that is destroyed closes its descriptor, whatever `autoClose` says. */
async function copyBytes({ from, size, target }: Bytes, signal: AbortSignal): Promise<void> {
  await using output = await open(target, 'wx', 0o600)
  const chunk = Buffer.allocUnsafe(Math.min(chunkSize, size))
  for (let position = 0; position < size; ) {
    signal.throwIfAborted()
    const length = Math.min(chunk.length, size - position)
    const { bytesRead } = await readAt(from, { buffer: chunk, length, position })
    if (bytesRead === 0) throw new TallyError('internal', 'the database became shorter while it was copied')
    await output.writeFile(chunk.subarray(0, bytesRead))
    position += bytesRead
  }
}
