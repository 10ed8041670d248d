/**
 * The daemon's ends of the containers' stdio pipes. A pipe is opened only while somebody is attached: what nobody listens to goes from
 * the shim to the log without passing through here. The shim sees an open pipe as a reader and holds the container back if it is slow.
 */
import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream'
import { openFifoReader, openHeldFifoWriter } from '../kernel/fifo.ts'
import type { Stdio } from '../supervisor/port.ts'
import type { AttachStreams } from './port.ts'

export interface StreamPorts {
  closeStdin(id: string): Promise<void>
  attachOutput(id: string): Promise<void>
  report(message: string, fields: object): void
}

/** What the pipes of one container are and how its stdin ends. */
export interface StreamTarget {
  readonly id: string
  readonly stdio: Stdio
  readonly stdinOnce: boolean
}

interface Session {
  readonly streams: AttachStreams
  readonly end: () => void
}

interface Channel {
  readonly sessions: Set<Session>
  readonly readers: Map<'stdout' | 'stderr', Readable>
}

export class Streams {
  readonly #ports: StreamPorts
  readonly #channels = new Map<string, Channel>()

  constructor(ports: StreamPorts) {
    this.#ports = ports
  }

  /**
   * Joins the container's streams; with `running` they are opened at once, else when `open` is called.
   * Resolves once attached; `ended` when the streams end or `signal` aborts.
   */
  async attach(
    target: StreamTarget,
    streams: AttachStreams,
    { running, signal }: { readonly running: boolean; readonly signal: AbortSignal },
  ): Promise<{ readonly ended: Promise<void> }> {
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const session: Session = { streams, end: () => this.#leave(target.id, session, resolve) }
    this.#channel(target.id).sessions.add(session)
    signal.addEventListener('abort', session.end, { once: true })
    if (running) {
      this.#connect(target)
      await this.#ports.attachOutput(target.id)
      this.#feed(target, session)
    }
    return { ended }
  }

  /** Opens the pipes of a container that is about to start, for those who attached already. */
  async open(target: StreamTarget): Promise<void> {
    const channel = this.#channels.get(target.id)
    if (channel === undefined) return
    this.#connect(target)
    for (const session of channel.sessions) this.#feed(target, session)
  }

  /** Ends the sessions of a container whose process never began, so that no end of stream will ever come. */
  abandon(id: string): void {
    const channel = this.#channels.get(id)
    for (const reader of channel?.readers.values() ?? []) reader.destroy()
    for (const session of channel?.sessions ?? []) session.end()
  }

  #channel(id: string): Channel {
    const known = this.#channels.get(id)
    if (known !== undefined) return known
    const channel: Channel = { sessions: new Set(), readers: new Map() }
    this.#channels.set(id, channel)
    return channel
  }

  #connect({ id, stdio }: StreamTarget): void {
    const channel = this.#channel(id)
    for (const name of ['stdout', 'stderr'] as const) {
      const path = stdio[name]
      if (path === undefined || channel.readers.has(name) || !wanted(channel, name)) continue
      channel.readers.set(name, this.#listen(channel, name, path))
    }
  }

  #listen(channel: Channel, name: 'stdout' | 'stderr', path: string): Readable {
    const reader = openFifoReader(path)
    reader.on('data', (chunk: Buffer) => broadcast(channel, reader, name, chunk))
    finished(reader, (err?: Error | null) => {
      if (err) this.#ports.report('output pipe failed', { err, path })
      channel.readers.delete(name)
      if (channel.readers.size === 0) for (const session of [...channel.sessions]) session.end()
    })
    return reader
  }

  /** Copies the client's stdin into the container's pipe; at its end the pipe closes (StdinOnce) or the session does. */
  #feed(target: StreamTarget, { streams, end }: Session): void {
    const { stdin } = streams
    if (stdin === undefined || target.stdio.stdin === undefined) return
    const writer = openHeldFifoWriter(target.stdio.stdin)
    writer.on('error', (err) => this.#ports.report('input pipe failed', { err, container: target.id }))
    finished(writer, () => this.#stdinEnded(target, end))
    stdin.on('close', () => writer.end())
    stdin.pipe(writer)
  }

  #stdinEnded({ id, stdinOnce }: StreamTarget, end: () => void): void {
    if (!stdinOnce) {
      end()
      return
    }
    this.#ports.closeStdin(id).catch((err) => this.#ports.report('stdin not closed', { err, container: id }))
  }

  #leave(id: string, session: Session, done: () => void): void {
    const channel = this.#channels.get(id)
    channel?.sessions.delete(session)
    if (channel?.sessions.size === 0) {
      this.#channels.delete(id)
      for (const reader of channel.readers.values()) reader.destroy()
    }
    done()
  }
}

const wanted = ({ sessions }: Channel, name: 'stdout' | 'stderr'): boolean =>
  [...sessions].some(({ streams }) => streams[name] !== undefined)

/** Reading stops until the slowest client has taken the chunk: the pipe, and so the container, waits meanwhile. */
function broadcast(channel: Channel, reader: Readable, name: 'stdout' | 'stderr', chunk: Buffer): void {
  const slow: Writable[] = []
  for (const { streams } of channel.sessions) {
    const writable = streams[name]
    if (writable !== undefined && !writable.destroyed && !writable.write(chunk)) slow.push(writable)
  }
  if (slow.length === 0) return
  reader.pause()
  void Promise.all(slow.map(untilDrained)).then(() => reader.resume())
}

const untilDrained = (writable: Writable): Promise<void> =>
  new Promise((resolve) => {
    writable.once('drain', resolve)
    writable.once('close', resolve)
  })
