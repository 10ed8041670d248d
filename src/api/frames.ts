/** Docker's multiplexed stream: stdout and stderr on one connection, each piece behind an 8-byte header. */
import { Writable } from 'node:stream'

export type FrameStream = 'stdout' | 'stderr'

const streamNumbers = { stdout: 1, stderr: 2 } as const

/** Byte 0: the stream; bytes 4 to 7: the payload's length, big endian. */
export function frameHeader(stream: FrameStream, length: number): Buffer {
  const header = Buffer.alloc(8)
  header[0] = streamNumbers[stream]
  header.writeUInt32BE(length, 4)
  return header
}

export interface FrameWriterOptions {
  readonly target: Writable
  /** Null: bytes go as they are, as for a terminal. */
  readonly stream: FrameStream | null
  /** Nothing is written before. */
  readonly opened: Promise<void>
}

/**
 * Writes into the shared connection and takes no more than the connection takes. It does not fail with the connection: whoever writes is
 * told by an abort signal that nobody listens any more, and until then the bytes go nowhere.
 */
export function frameWriter({ target, stream, opened }: FrameWriterOptions): Writable {
  return new Writable({
    construct: (done) => void opened.then(() => done()),
    write(chunk: Buffer, _encoding, done) {
      target.cork()
      if (stream !== null) target.write(frameHeader(stream, chunk.length))
      target.write(chunk, () => done())
      target.uncork()
    },
  })
}
