/** The one error class of the engine and the one table that maps its codes to HTTP and gRPC status codes. Makers use Docker's wording. */

const statusTable = {
  'not-modified': { http: 304, grpc: 6 },
  'bad-request': { http: 400, grpc: 3 },
  forbidden: { http: 403, grpc: 7 },
  'not-found': { http: 404, grpc: 5 },
  'already-exists': { http: 409, grpc: 6 },
  conflict: { http: 409, grpc: 9 },
  internal: { http: 500, grpc: 2 },
  'not-supported': { http: 501, grpc: 12 },
  unavailable: { http: 503, grpc: 14 },
} as const

export type ErrorCode = keyof typeof statusTable

export interface ErrorOptions {
  /** The step of a container's life in which it happened. */
  readonly step?: string
  /** What runc, the shim or the kernel said, whole. */
  readonly detail?: string
  /** Docker's exit code for a start that failed: 126, 127 or 128. */
  readonly exitCode?: number
  readonly cause?: unknown
}

/** An error whose message a user may read. Anything else that escapes is a bug. */
export class TallyError extends Error {
  readonly code: ErrorCode
  readonly step: string | undefined
  readonly detail: string | undefined
  readonly exitCode: number | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'TallyError'
    this.code = code
    this.step = options.step
    this.detail = options.detail
    this.exitCode = options.exitCode
  }
}

export const httpStatus = (code: ErrorCode): number => statusTable[code].http
export const grpcStatus = (code: ErrorCode): number => statusTable[code].grpc

export const notModified = (): TallyError => new TallyError('not-modified', '')
export const badRequest = (message: string, cause?: unknown): TallyError =>
  new TallyError('bad-request', message, { cause })
export const conflict = (message: string): TallyError => new TallyError('conflict', message)
export const notSupported = (message: string): TallyError => new TallyError('not-supported', message)
export const noSuchContainer = (ref: string): TallyError =>
  new TallyError('not-found', `No such container: ${ref}`)
export const noSuchImage = (ref: string): TallyError => new TallyError('not-found', `No such image: ${ref}`)
