/**
 * The daemon's ends of the containers' stdio pipes. A pipe is opened only while somebody is attached: what nobody listens to goes from
 * the shim to the log without passing through here. The shim sees an open pipe as a reader and holds the container back if it is slow.
 */
import { closeSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { ContainerConfig } from '../../machines/spec.ts'
import { openFifo, openFifoReader, openHeldFifoWriter } from '../kernel/fifo.ts'
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

type Output = 'stdout' | 'stderr'

interface Session {
  readonly streams: AttachStreams
  /** Called when the session ends, for who waits until it takes more. */
  readonly waiting: Set<() => void>
  readonly ended: Promise<void>
  readonly end: () => void
}

/** What is attached to one run, or to the one that comes next. */
interface Channel {
  readonly sessions: Set<Session>
  readonly readers: Map<Output, Readable>
  readonly inputs: Set<Writable>
  /** Whose stdin is passed on. */
  readonly fed: Set<Session>
}

/** Whether the end of its stdin is told to the process. A terminal has no such end: only who typed leaves. */
export const endsItsStdin = ({ StdinOnce, Tty }: Pick<ContainerConfig, 'StdinOnce' | 'Tty'>): boolean =>
  StdinOnce && !Tty

export class Streams {
  readonly #ports: StreamPorts
  readonly #channels = new Map<string, Channel>()

  constructor(ports: StreamPorts) {
    this.#ports = ports
  }

  /**
   * Joins the container's streams; with `running` they are opened at once, else by `open` and `feed`.
   * Resolves once attached; `ended` when the streams end or `signal` aborts.
   */
  async attach(
    target: StreamTarget,
    streams: AttachStreams,
    { running, signal }: { readonly running: boolean; readonly signal: AbortSignal },
  ): Promise<{ readonly ended: Promise<void> }> {
    const channel = this.#channel(target.id)
    const session = this.#enter(target.id, channel, streams)
    signal.addEventListener('abort', session.end, { once: true })
    void session.ended.then(() => signal.removeEventListener('abort', session.end))
    if (signal.aborted) session.end()
    else if (running) await this.#join(target, channel, session)
    return session
  }

  /** Opens the output of a container whose shim is about to start, for those who attached already: they miss no byte. */
  open(target: StreamTarget): void {
    const channel = this.#channels.get(target.id)
    if (channel !== undefined) this.#connect(channel, target)
  }

  /** Passes on the stdin of those who attached already, now that there is a shim that can be told of its end. */
  feed(target: StreamTarget): void {
    const channel = this.#channels.get(target.id)
    for (const session of channel?.sessions ?? []) if (channel) this.#feed(channel, target, session)
  }

  /** The run is over, or never came: what waits in the pipes still goes to who is attached, then their sessions end. */
  close({ id, stdio }: StreamTarget): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    this.#channels.delete(id)
    for (const input of channel.inputs) input.destroy()
    if (channel.readers.size === 0) endSessions(channel)
    for (const [name, reader] of channel.readers) hangUp(reader, stdio[name])
  }

  /** Answers when nobody is attached any more. */
  async quiet(id: string): Promise<void> {
    await Promise.all([...(this.#channels.get(id)?.sessions ?? [])].map(({ ended }) => ended))
  }

  #channel(id: string): Channel {
    const known = this.#channels.get(id)
    if (known !== undefined) return known
    const channel: Channel = { sessions: new Set(), readers: new Map(), inputs: new Set(), fed: new Set() }
    this.#channels.set(id, channel)
    return channel
  }

  #enter(id: string, channel: Channel, streams: AttachStreams): Session {
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const waiting = new Set<() => void>()
    const end = (): void => {
      if (!channel.sessions.delete(session)) return
      channel.fed.delete(session)
      for (const wake of waiting) wake()
      resolve()
      if (channel.sessions.size === 0) this.#abandon(id, channel)
    }
    const session: Session = { streams, waiting, ended, end }
    channel.sessions.add(session)
    return session
  }

  /** Nobody listens any more; input that was taken is still delivered. */
  #abandon(id: string, channel: Channel): void {
    for (const reader of channel.readers.values()) reader.destroy()
    channel.readers.clear()
    if (channel.inputs.size === 0 && this.#channels.get(id) === channel) this.#channels.delete(id)
  }

  async #join(target: StreamTarget, channel: Channel, session: Session): Promise<void> {
    try {
      this.#connect(channel, target)
      await this.#ports.attachOutput(target.id)
      if (channel.sessions.has(session)) this.#feed(channel, target, session)
    } catch (error) {
      session.end()
      throw error
    }
  }

  #connect(channel: Channel, { stdio }: StreamTarget): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const path = stdio[name]
      if (path === undefined || channel.readers.has(name) || !isWanted(channel, name)) continue
      channel.readers.set(name, this.#listen(channel, name, path))
    }
  }

  #listen(channel: Channel, name: Output, path: string): Readable {
    const reader = openFifoReader(path)
    reader.on('data', (chunk: Buffer) => broadcast(channel, reader, name, chunk))
    reader.on('error', (err) => this.#ports.report('output pipe failed', { err, path }))
    reader.once('close', () => {
      if (channel.readers.get(name) === reader) channel.readers.delete(name)
      if (channel.readers.size === 0) endSessions(channel)
    })
    return reader
  }

  /** Copies the client's stdin into the container's pipe; at its end the pipe closes (StdinOnce) or the session does. */
  #feed(channel: Channel, target: StreamTarget, session: Session): void {
    const { stdin } = session.streams
    if (stdin === undefined || target.stdio.stdin === undefined || channel.fed.has(session)) return
    channel.fed.add(session)
    const input = openHeldFifoWriter(target.stdio.stdin)
    channel.inputs.add(input)
    input.on('error', (err) => this.#ports.report('input pipe failed', { err, container: target.id }))
    input.once('finish', () => this.#stdinEnded(target, session))
    input.once('close', () => channel.inputs.delete(input))
    const end = (): void => {
      stdin.unpipe(input)
      input.end()
    }
    stdin.once('close', end)
    void session.ended.then(end)
    stdin.pipe(input)
  }

  #stdinEnded({ id, stdinOnce }: StreamTarget, session: Session): void {
    if (!stdinOnce) {
      session.end()
      return
    }
    this.#ports.closeStdin(id).catch((err) => this.#ports.report('stdin not closed', { err, container: id }))
  }
}

function endSessions({ sessions }: Channel): void {
  for (const session of [...sessions]) session.end()
}

/** Who sends only has to learn of the end from some output. */
function isWanted({ sessions }: Channel, name: Output): boolean {
  const all = [...sessions].map(({ streams }) => streams)
  const hears = ({ stdout, stderr }: AttachStreams): boolean => stdout !== undefined || stderr !== undefined
  return all.some((streams) => streams[name] !== undefined || (name === 'stdout' && !hears(streams)))
}

/** A reader ends when its last writer goes, fifo(7), but not before the first has come: so one comes and goes. */
function hangUp(reader: Readable, path: string | undefined): void {
  try {
    if (path !== undefined) closeSync(openFifo(path, 'write'))
  } catch {
    reader.destroy()
  }
}

/** Reading stops until the slowest client has taken the chunk: the pipe, and so the container, waits meanwhile. */
function broadcast(channel: Channel, reader: Readable, name: Output, chunk: Buffer): void {
  const slow: Promise<void>[] = []
  for (const session of channel.sessions) {
    const writable = session.streams[name]
    if (writable?.writable && !writable.write(chunk)) slow.push(untilReady(writable, session))
  }
  if (slow.length === 0) return
  reader.pause()
  void Promise.all(slow).then(() => reader.resume())
}

function untilReady(writable: Writable, { waiting }: Session): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const ready = (): void => {
    writable.off('drain', ready).off('close', ready)
    waiting.delete(ready)
    resolve()
  }
  writable.on('drain', ready).on('close', ready)
  waiting.add(ready)
  return promise
}
