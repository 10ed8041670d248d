/** Calls of gRPC methods as promises and streams, over one connection that is made again when it breaks. */
import { once } from 'node:events'
import { Client, type ClientReadableStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { TallyError } from '../../errors.ts'
import { ourNamespace } from './handler.ts'
import { fromStatus } from './status.ts'

/** What a client needs of a method's definition. */
interface Method<Request, Response> {
  readonly path: string
  readonly requestSerialize: (request: Request) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => Response
}

export class Channel {
  readonly #client: Client

  constructor(socket: string) {
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 500,
    })
  }

  /** @throws TallyError unavailable if no connection can be made in that time. */
  ready(milliseconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + milliseconds, (error) =>
        error === undefined
          ? resolve()
          : reject(new TallyError('unavailable', error.message, { cause: error })),
      )
    })
  }

  /** @throws TallyError; `unavailable` if the other side is not there or goes before it has answered. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: NoInfer<Request>,
    signal?: AbortSignal,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = method
      const done = (error: ServiceError | null, response?: Response): void => {
        signal?.removeEventListener('abort', cancel)
        if (error !== null || response === undefined)
          reject(error === null ? noAnswer(path) : fromStatus(error))
        else resolve(response)
      }
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        header(),
        done,
      )
      const cancel = (): void => call.cancel()
      signal?.addEventListener('abort', cancel, { once: true })
    })
  }

  /**
   * Answers once the server has begun it: what happens from then on is in it. It ends when the server ends it or `signal` aborts.
   * @throws TallyError like `call`, also while it is read.
   */
  async stream<Request, Response>(
    method: Method<Request, Response>,
    request: NoInfer<Request>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Response>> {
    const { path, requestSerialize, responseDeserialize } = method
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      header(),
    )
    const cancel = (): void => call.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    call.once('status', () => signal.removeEventListener('abort', cancel))
    // What fails while nobody reads must not end the process: who reads then sees an early end.
    call.on('error', () => undefined)
    try {
      await once(call, 'metadata', { signal })
    } catch (error) {
      call.cancel()
      throw signal.aborted ? error : fromStatus(error as ServiceError)
    }
    return read<Response>(call, signal)
  }

  close(): void {
    this.#client.close()
  }
}

async function* read<Response>(
  call: ClientReadableStream<Response>,
  signal: AbortSignal,
): AsyncGenerator<Response> {
  try {
    for await (const item of call) yield item as Response
  } catch (error) {
    if (!signal.aborted) throw fromStatus(error as ServiceError)
  } finally {
    call.cancel()
  }
}

function header(): Metadata {
  const metadata = new Metadata()
  metadata.set('containerd-namespace', ourNamespace)
  return metadata
}

const noAnswer = (path: string): TypeError => new TypeError(`${path} answered nothing`)
