/** Steps that dockerode takes, and what its streams bring. */
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import Dockerode from 'dockerode'
import type { Step } from '../session.ts'

/** @param act its value is what has to come out the same, as JSON; an error by its status and message. */
export const dockerode = (name: string, act: (docker: Dockerode) => Promise<unknown>): Step => ({
  name: `dockerode ${name}`,
  take: async ({ socket }) => {
    try {
      const value = await act(new Dockerode({ socketPath: socket }))
      return { code: 0, stdout: JSON.stringify(value, inOrder, 1) ?? 'undefined', stderr: '' }
    } catch (error) {
      return { code: 1, stdout: '', stderr: described(error) }
    }
  },
})

/** The order of fields says nothing. */
const inOrder = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)))
    : value

function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const status = 'statusCode' in error ? error.statusCode : 'none'
  const json = 'json' in error ? JSON.stringify(error.json) : ''
  return `${status} ${error.message} ${json}`
}

export interface Outputs {
  readonly stdout: string
  readonly stderr: string
}

/** Both outputs of a stream of frames, read to its end. */
export async function demultiplexed(docker: Dockerode, stream: NodeJS.ReadableStream): Promise<Outputs> {
  const [out, err] = [new PassThrough(), new PassThrough()]
  docker.modem.demuxStream(stream, out, err)
  stream.on('end', () => {
    out.end()
    err.end()
  })
  const [stdout, stderr] = await Promise.all([text(out), text(err)])
  return { stdout, stderr }
}

/** Of a buffer of frames, as `logs` gives it without following. */
export const demultiplexedBuffer = (docker: Dockerode, frames: Buffer): Promise<Outputs> => {
  const stream = new PassThrough()
  stream.end(frames)
  return demultiplexed(docker, stream)
}

/** Of a container that has no network. */
export const shell = (script: string) => ({
  Image: 'bb',
  Cmd: ['sh', '-c', script] as string[],
  HostConfig: { NetworkMode: 'none' },
})
