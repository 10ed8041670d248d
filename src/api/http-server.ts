/**
 * Node's HTTP server, made to let go of a connection. Docker's attach and exec turn a connection into a raw stream in two ways: by
 * `Upgrade: tcp`, and, in the old way, by a plain request that is answered 200. Node knows only the first and would read what follows the
 * second as another request. Here both are upgrades: Node's parser stops behind the head, and the socket is ours.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse,
} from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

const hijackable = /^(\/v[\d.]+)?\/(containers\/[^/?]+\/attach|exec\/[^/?]+\/start)(\?|$)/
const bodyLimit = 1024 * 1024

/** A connection that came free for a request, and the body that Node did not read. */
export interface Taken {
  readonly socket: Socket
  readonly contentType: string
  readonly body: Buffer
}

const takenConnections = new WeakMap<IncomingMessage, Taken>()

/** Undefined for a request whose connection is an ordinary one. */
export const takenConnection = (request: IncomingMessage): Taken | undefined => takenConnections.get(request)

export interface HttpServer {
  readonly server: Server
  /** Ends the connections that Node does not know any more. */
  closeTaken(): void
}

/** No limit on how long an upload takes or a connection idles, as in Docker: the peers are local or known by certificate. */
export function createHttpServer(handler: RequestListener): HttpServer {
  const taken = new Set<Duplex>()
  const timeouts = { requestTimeout: 0, keepAliveTimeout: 0 }
  const server = createServer({ ...timeouts, shouldUpgradeCallback: wantsHijack }, handler)
  server.on('connection', upgradeOldHijacks)
  server.on('upgrade', (request, socket, head) => {
    taken.add(socket)
    socket.once('close', () => taken.delete(socket))
    takeOver(request, socket, head, handler)
  })
  return {
    server,
    closeTaken() {
      for (const socket of taken) socket.destroy()
    },
  }
}

/** Where a body ends that is sent in chunks only the parser can tell, so it keeps these. */
const wantsHijack = ({ method, url = '', headers }: IncomingMessage): boolean =>
  method === 'POST' && hijackable.test(url) && headers['transfer-encoding'] === undefined

/** Answers on a socket that Node has given up: errors by way of `handler`'s response, the stream by whoever asks for `takenConnection`. */
function takeOver(request: IncomingMessage, socket: Duplex, head: Buffer, handler: RequestListener): void {
  socket.on('error', () => socket.destroy())
  if (!(socket instanceof Socket)) return void socket.destroy()
  if (head.length > 0) socket.unshift(head)
  const length = Number(request.headers['content-length'] ?? 0)
  if (!(length <= bodyLimit)) return void socket.destroy()
  const { 'content-type': contentType = '' } = request.headers
  delete request.headers['content-length']
  delete request.headers['content-type']
  takeBody(socket, length).then(
    (body) => {
      takenConnections.set(request, { socket, contentType, body })
      handler(request, responseOn(socket, request))
    },
    () => socket.destroy(),
  )
}

/** What follows the body belongs to the stream. */
function takeBody(socket: Socket, length: number): Promise<Buffer> {
  if (length === 0) return Promise.resolve(Buffer.alloc(0))
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let missing = length
  const take = (chunk: Buffer) => {
    chunks.push(chunk)
    missing -= chunk.length
    if (missing > 0) return
    socket.off('data', take).pause()
    if (missing < 0) socket.unshift(chunk.subarray(missing))
    resolve(Buffer.concat(chunks, length))
  }
  socket.on('data', take)
  for (const event of ['end', 'close']) socket.once(event, () => reject(new Error('no whole body')))
  return promise
}

function responseOn(
  socket: Socket,
  request: IncomingMessage,
): ServerResponse<IncomingMessage> & { req: IncomingMessage } {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => socket.end(() => socket.destroy()))
  return response
}

interface HttpParser {
  onIncoming(request: IncomingMessage, keepAlive: boolean): number
}

/** Node's parser tells requests to `onIncoming`, which asks the server about those that want an upgrade and then stops the parser. */
function upgradeOldHijacks(socket: Socket): void {
  const parser: unknown = Reflect.get(socket, 'parser')
  if (!isParser(parser)) return
  const onIncoming = parser.onIncoming
  parser.onIncoming = (request, keepAlive) => {
    if (wantsHijack(request)) Reflect.set(request, 'upgrade', true)
    return onIncoming(request, keepAlive)
  }
}

const isParser = (parser: unknown): parser is HttpParser =>
  typeof parser === 'object' && parser !== null && typeof Reflect.get(parser, 'onIncoming') === 'function'
