/** Where the daemon listens and its clients connect: `unix://` and an absolute path. */
import { isAbsolute } from 'node:path'
import { badRequest } from '../errors.ts'
import { apiSocketPath } from '../paths.ts'

export const defaultDataRoot = '/var/lib/tallyman'
export const defaultExecRoot = '/run/tallyman'
export const defaultHost = `unix://${apiSocketPath({ dataRoot: defaultDataRoot, execRoot: defaultExecRoot })}`

/** `sun_path` of unix(7) with its final zero. */
const longestPath = 107

/** @throws TallyError bad-request with one sentence. */
export function socketPath(host: string): string {
  const path = /^unix:\/\/(.+)$/.exec(host)?.[1]
  if (path === undefined) throw badRequest(refusal(host))
  if (!isAbsolute(path)) throw badRequest(`invalid host "${host}": the path of the socket must be absolute`)
  if (Buffer.byteLength(path) > longestPath)
    throw badRequest(`invalid host "${host}": the path of a socket has at most ${longestPath} bytes`)
  return path
}

function refusal(host: string): string {
  if (host.startsWith('tcp://'))
    return `host "${host}" is refused: TCP without mutual TLS would give root to whoever can connect; use unix://PATH`
  return `invalid host "${host}": only unix://PATH is supported`
}
