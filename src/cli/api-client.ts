/** Asks the daemon over its unix socket. */
import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { TallyError } from '../errors.ts'

/** The lines of the answer, as they come. @throws TallyError with what the daemon said, or unavailable if there is none. */
export async function* getLines(socketPath: string, path: string): AsyncGenerator<string> {
  const answer = await getAnswer(socketPath, path)
  yield* createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })
}

/** The answer once its head is there. @throws TallyError as `getLines` does. */
export async function getAnswer(socketPath: string, path: string): Promise<IncomingMessage> {
  const answer = await get(socketPath, path)
  if (answer.statusCode !== 200) throw await refusal(answer)
  return answer
}

function get(socketPath: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path })
      .on('response', resolve)
      .on('error', (cause) => reject(unreachable(socketPath, cause)))
      .end()
  })
}

function unreachable(socketPath: string, cause: Error): TallyError {
  const denied = 'code' in cause && cause.code === 'EACCES'
  const reason = denied ? 'permission denied' : 'is tallyd running?'
  return new TallyError('unavailable', `cannot connect to tallyd at unix://${socketPath}: ${reason}`, {
    cause,
  })
}

async function refusal(answer: IncomingMessage): Promise<TallyError> {
  const code = answer.statusCode === 404 ? 'not-found' : 'internal'
  return new TallyError(code, messageOf(await text(answer)) ?? `the daemon answered ${answer.statusCode}`)
}

function messageOf(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value !== 'object' || value === null || !('message' in value)) return undefined
    return typeof value.message === 'string' ? value.message : undefined
  } catch {
    return undefined
  }
}
