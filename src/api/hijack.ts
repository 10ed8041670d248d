/** A connection that has become a raw stream: stdin from the client, stdout and stderr to it. */
import type { Socket } from 'node:net'
import { Readable, type Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { badRequest } from '../errors.ts'
import { type FrameStream, frameWriter } from './frames.ts'
import { takenConnection } from './http-server.ts'

/** Milliseconds. */
const probeInterval = 2_000

export interface Hijacked {
  /** What the client sends; ends when it closes its half. Destroying it drops what still comes. */
  stdin(): Readable
  /** Holds back what is written until `open`. @param stream null: unframed @param after holds it back longer */
  output(stream: FrameStream | null, after?: Promise<void>): Writable
  /** Sends the head. From now on there is no other answer than the stream. */
  open(): void
  /** Lets what was written go out, then ends the connection. */
  close(): Promise<void>
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal
}

/** Until `open` errors can be answered as usual. @throws TallyError bad-request if the connection is not one's own */
export function hijack(request: FastifyRequest, reply: FastifyReply): Hijacked {
  const { socket } = takenConnection(request.raw) ?? {}
  if (socket === undefined) throw badRequest('unable to hijack this connection')
  const gone = new AbortController()
  const opened = Promise.withResolvers<void>()
  const outputs: Writable[] = []
  socket.once('close', () => {
    gone.abort()
    opened.resolve()
  })
  return {
    signal: gone.signal,
    stdin: () => stdinOf(socket),
    output(stream, after) {
      const output = frameWriter({ target: socket, stream, opened: opened.promise.then(() => after) })
      outputs.push(output)
      return output
    },
    open() {
      reply.hijack()
      reply.raw.detachSocket(socket)
      socket.write(head(request.headers.upgrade))
      noticeFullClose(socket)
      opened.resolve()
    },
    async close() {
      await Promise.all(outputs.map(drained))
      socket.resume()
      socket.end(() => socket.destroy())
    },
  }
}

function head(upgrade: string | undefined): string {
  const type = 'Content-Type: application/vnd.docker.raw-stream\r\n'
  if (upgrade === undefined) return `HTTP/1.1 200 OK\r\n${type}\r\n`
  return `HTTP/1.1 101 UPGRADED\r\n${type}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n`
}

/** A stream of its own, so that whoever reads stdin may destroy it without closing the way back. */
function stdinOf(socket: Socket): Readable {
  const stdin = new Readable({ read: () => void socket.resume() })
  socket.on('data', (chunk) => {
    if (!stdin.destroyed && !stdin.push(chunk)) socket.pause()
  })
  socket.once('end', () => stdin.push(null))
  socket.once('close', () => stdin.destroy())
  stdin.once('close', () => socket.resume())
  stdin.on('error', () => {})
  return stdin
}

/**
 * After the end of what the client sends, reading can't tell a client that waits for output from one that is gone, but writing can:
 * on a unix socket even an empty write fails with EPIPE once the other side is closed, unix(7).
 */
function noticeFullClose(socket: Socket): void {
  const probe = () => void socket.write(Buffer.alloc(0))
  socket.once('end', () => {
    probe()
    const timer = setInterval(probe, probeInterval).unref()
    socket.once('close', () => clearInterval(timer))
  })
  socket.resume()
}

async function drained(output: Writable): Promise<void> {
  if (!output.writableEnded) output.end()
  await finished(output).catch(() => {})
}
