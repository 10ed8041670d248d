/** TallyError to a gRPC status and back. The code and message are what containerd's clients branch on; a trailer carries the rest for ours. */
import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js'
import { type ErrorCode, grpcStatus, TallyError } from '../../errors.ts'
import { proto } from './proto.ts'

const trailer = 'tallyman-error-bin'
const detailType = () => proto.tallyman.supervisor.v1.ErrorDetail

/** The status of whatever a method threw; what is no TallyError is a bug and says only INTERNAL. */
export function toStatus(error: unknown): Partial<StatusObject> {
  if (!(error instanceof TallyError)) return { code: status.INTERNAL, details: String(error) }
  const metadata = new Metadata()
  metadata.set(trailer, detailType().serialize(withoutAbsent(error)))
  return { code: grpcStatus(error.code), details: error.message, metadata }
}

/** The error that a call answered with; UNAVAILABLE and a call that the other side dropped are `unavailable`. */
export function fromStatus(error: ServiceError): TallyError {
  const bytes = error.metadata?.get(trailer)[0]
  if (!(bytes instanceof Buffer)) return new TallyError(codeOf(error), error.details, { cause: error })
  const { code, step, detail, exitCode } = detailType().deserialize(bytes)
  return new TallyError(code as ErrorCode, error.details, {
    ...(step === undefined ? {} : { step }),
    ...(detail === undefined ? {} : { detail }),
    ...(exitCode === undefined ? {} : { exitCode }),
    cause: error,
  })
}

const codes: Partial<Record<status, ErrorCode>> = {
  [status.CANCELLED]: 'unavailable',
  [status.UNAVAILABLE]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'unavailable',
  [status.INVALID_ARGUMENT]: 'bad-request',
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'already-exists',
  [status.FAILED_PRECONDITION]: 'conflict',
  [status.PERMISSION_DENIED]: 'forbidden',
  [status.UNIMPLEMENTED]: 'not-supported',
}

function codeOf(error: ServiceError): ErrorCode {
  return codes[error.code] ?? 'internal'
}

function withoutAbsent({ code, step, detail, exitCode }: TallyError) {
  return {
    code,
    ...(step === undefined ? {} : { step }),
    ...(detail === undefined ? {} : { detail }),
    ...(exitCode === undefined ? {} : { exitCode }),
  }
}
