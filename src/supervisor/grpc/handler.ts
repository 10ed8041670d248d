/** Makes gRPC handlers of async functions. */
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerWritableStream,
} from '@grpc/grpc-js'
import { conflict } from '../../errors.ts'
import { toStatus } from './status.ts'

export interface Context {
  /** Of the `containerd-namespace` header. */
  readonly namespace: string
  /** Aborted when the client goes. */
  readonly signal: AbortSignal
}

/** Answers with what `answer` resolves to, or with the status of what it throws. */
export function unary<Request, Response>(
  answer: (request: Request, context: Context) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const aborted = new AbortController()
    call.once('cancelled', () => aborted.abort())
    answer(call.request, context(call.metadata, aborted.signal)).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(error)),
    )
  }
}

/**
 * Streams what `items` yields. It is called at once, so it can subscribe before the headers go out, and the stream waits while the client
 * does not read.
 */
export function streaming<Request, Response>(
  items: (request: Request, context: Context) => AsyncIterable<Response>,
): handleServerStreamingCall<Request, Response> {
  return async (call) => {
    const aborted = new AbortController()
    call.once('cancelled', () => aborted.abort())
    try {
      const source = items(call.request, context(call.metadata, aborted.signal))
      call.sendMetadata(new Metadata())
      for await (const item of source) await write(call, item)
      call.end()
    } catch (error) {
      call.emit('error', toStatus(error))
    }
  }
}

function write<Request, Response>(
  call: ServerWritableStream<Request, Response>,
  item: Response,
): Promise<void> {
  if (call.write(item) || call.cancelled) return Promise.resolve()
  return new Promise((resolve) => {
    call.once('drain', resolve)
    call.once('cancelled', resolve)
  })
}

/** Of a method whose clients need not say a namespace this is empty. */
function context(metadata: Metadata, signal: AbortSignal): Context {
  return { namespace: String(metadata.get('containerd-namespace')[0] ?? ''), signal }
}

/** All that this supervisor runs is in one namespace, the one that dockerd uses. */
export const ourNamespace = 'moby'

/** Whether the client asks for ours. @throws TallyError conflict (FAILED_PRECONDITION) if it names none. */
export function isOurs({ namespace }: Context): boolean {
  if (namespace === '') throw conflict('namespace is required: failed precondition')
  return namespace === ourNamespace
}
