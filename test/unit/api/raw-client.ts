/** A client that sees the bytes: it writes to a server's unix socket and collects what comes back. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'

export interface Listening extends AsyncDisposable {
  readonly path: string
  client(): Promise<RawClient>
}

export async function listen(app: FastifyInstance): Promise<Listening> {
  const directory = await mkdtemp(join(tmpdir(), 'tally-api-'))
  const path = join(directory, 'docker.sock')
  const clients: RawClient[] = []
  await app.listen({ path })
  return {
    path,
    async client() {
      const socket = connect({ path, allowHalfOpen: true })
      await once(socket, 'connect')
      const client = new RawClient(socket)
      clients.push(client)
      return client
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.socket.destroy()
      await app.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export class RawClient {
  readonly socket: Socket
  readonly ended: Promise<void>
  #received = Buffer.alloc(0)
  #wake = Promise.withResolvers<void>()

  constructor(socket: Socket) {
    this.socket = socket
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#notify()
    })
    for (const event of ['end', 'close']) socket.on(event, resolve).on(event, () => this.#notify())
    socket.on('error', resolve)
  }

  get received(): string {
    return this.#received.toString('latin1')
  }

  send(...lines: readonly string[]): void {
    this.socket.write(lines.join('\r\n'))
  }

  /** Waits until the text was received. */
  async sees(text: string): Promise<string> {
    while (!this.received.includes(text)) {
      if (this.socket.readableEnded || this.socket.destroyed)
        throw new Error(`ended without ${JSON.stringify(text)}: ${JSON.stringify(this.received)}`)
      await this.#wake.promise
    }
    return this.received
  }

  #notify(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers<void>()
  }
}
