/** Exec over a real unix socket: its start turns the connection into a stream, and the body that came with it is read. */
import { describe, expect, test as it } from 'vitest'
import { frameHeader } from '../../../src/api/frames.ts'
import type { ExecCommands, StartExecOptions } from '../../../src/engine/port.ts'
import { conflict, TallyError } from '../../../src/errors.ts'
import { engineWith, serverFor, viewOf } from './parts.ts'
import { listen } from './raw-client.ts'

const config = {
  ...{ Cmd: ['sh', '-c', 'x'], Env: [], User: '', WorkingDir: '', Privileged: false, Tty: false },
  ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
}
const view = { id: 'e', containerId: 'c', config, running: false, exitCode: null, pid: 0 }

interface Started {
  readonly options: StartExecOptions
  readonly end: () => void
}

function startable(parts: Partial<ExecCommands> = {}) {
  const started = Promise.withResolvers<Started>()
  const detached: string[] = []
  const commands: ExecCommands = {
    create: async () => 'e',
    require: () => undefined,
    start: async (_id, options) => {
      const { promise: ended, resolve: end } = Promise.withResolvers<void>()
      started.resolve({ options, end })
      return { ended }
    },
    detached: async (id) => void detached.push(id),
    resize: async () => undefined,
    get: () => view,
    of: () => [],
    ...parts,
  }
  const app = serverFor(engineWith([viewOf({})], { execs: commands }))
  return { app, started: started.promise, detached }
}

function head(body: string, extra: readonly string[] = ['Content-Type: application/json']): string {
  const lines = ['POST /v1.41/exec/e/start HTTP/1.1', 'Host: d', `Content-Length: ${body.length}`, ...extra]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

async function textOf(stream: AsyncIterable<Buffer> | undefined): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += chunk.toString()
  return text
}

const frame = (stream: 'stdout' | 'stderr', text: string): string =>
  frameHeader(stream, text.length).toString('latin1') + text

describe('the start of an exec', () => {
  it('reads its body, and takes what follows for stdin', async () => {
    const { app, started } = startable()
    await using server = await listen(app)
    const client = await server.client()
    client.send(`${head('{"Detach":false}')}typed`)
    const { options, end } = await started
    client.socket.end()
    expect(await textOf(options.streams?.stdin)).toBe('typed')
    options.streams?.stdout?.write('out')
    options.streams?.stderr?.write('err')
    end()
    await client.ended
    expect(client.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(client.received.split('\r\n\r\n')[1]).toBe(frame('stdout', 'out') + frame('stderr', 'err'))
  })

  it('upgrades the connection if it is asked to', async () => {
    const { app, started } = startable()
    await using server = await listen(app)
    const client = await server.client()
    client.send(head('{}', ['Content-Type: application/json', 'Connection: Upgrade', 'Upgrade: tcp']))
    await started
    expect(await client.sees('\r\n\r\n')).toMatch(/^HTTP\/1\.1 101 UPGRADED\r\n/)
  })

  it('is a plain answer if nobody attaches', async () => {
    const { app, started } = startable()
    await using server = await listen(app)
    const client = await server.client()
    client.send(head('{"Detach":true}'))
    const { options } = await started
    expect(options).toEqual({})
    expect(await client.sees('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  it('says in the stream why it can’t be', async () => {
    const refuse = async () => Promise.reject(new TallyError('bad-request', 'no such program'))
    const { app } = startable({ start: refuse })
    await using server = await listen(app)
    const client = await server.client()
    client.send(head('{}'))
    await client.ended
    expect(client.received.split('\r\n\r\n')[1]).toBe(frame('stdout', 'no such program\r\n'))
  })

  it('answers as usual before it is one', async () => {
    const require = () => {
      throw conflict('Container c is paused, unpause the container before exec')
    }
    const { app } = startable({ require })
    await using server = await listen(app)
    const client = await server.client()
    client.send(head('{}'))
    await client.ended
    expect(client.received).toMatch(/^HTTP\/1\.1 409 Conflict\r\n/)
    expect(client.received).toContain('is paused, unpause the container before exec')
  })

  it.each([
    ['{"Detach"', ['Content-Type: application/json'], 'invalid JSON'],
    ['{}', ['Content-Type: text/plain'], "Content-Type specified (text/plain) must be 'application/json'"],
    ['{"Detach":7}', ['Content-Type: application/json'], 'Detach'],
  ])('refuses the body %s with %s', async (body, extra, message) => {
    const { app } = startable()
    await using server = await listen(app)
    const client = await server.client()
    client.send(head(body, extra))
    await client.ended
    expect(client.received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(client.received).toContain(message)
  })

  it('gives a terminal’s bytes as they are, its size to the engine, and tells who left by the keys', async () => {
    const tty = { ...view, config: { ...config, Tty: true, DetachKeys: 'a,b' } }
    const { app, started, detached } = startable({ get: () => tty })
    await using server = await listen(app)
    const client = await server.client()
    client.send(`${head('{"Tty":true,"ConsoleSize":[24,80]}')}xyab`)
    const { options, end } = await started
    expect(options.consoleSize).toEqual([24, 80])
    expect(options.streams?.stderr).toBeUndefined()
    expect(await textOf(options.streams?.stdin)).toBe('xy')
    expect(detached).toEqual(['e'])
    options.streams?.stdout?.write('raw')
    end()
    await client.ended
    expect(client.received.split('\r\n\r\n')[1]).toBe('raw')
  })
})

describe('an exec', () => {
  it('is created with what its client asks for, and refused with keys that are none', async () => {
    const made: unknown[] = []
    const { app } = startable({
      create: async (_ref, asked) => {
        made.push(asked)
        return 'e'
      },
    })
    const post = (payload: object) => app.inject({ method: 'POST', url: '/containers/one/exec', payload })
    const answer = await post({ Cmd: ['id'], Env: null, User: 'app', Tty: true, DetachKeys: 'ctrl-a' })
    expect([answer.statusCode, answer.json()]).toEqual([201, { Id: 'e' }])
    expect(made[0]).toEqual({
      ...{ Cmd: ['id'], Env: [], User: 'app', WorkingDir: '', Privileged: false, Tty: true },
      ...{ AttachStdin: false, AttachStdout: false, AttachStderr: false, DetachKeys: 'ctrl-a' },
    })
    const refused = await post({ Cmd: ['id'], DetachKeys: 'ctrl-1' })
    expect([refused.statusCode, refused.json().message]).toEqual([
      500,
      'Invalid escape keys (ctrl-1) provided',
    ])
  })

  it('is shown in Docker’s words', async () => {
    const shown = { ...view, config: { ...config, User: 'app', DetachKeys: 'ctrl-a,b' }, exitCode: 3, pid: 7 }
    const { app } = startable({ get: () => shown })
    const answer = await app.inject('/exec/e/json')
    expect(answer.json()).toEqual({
      ...{ ID: 'e', Running: false, ExitCode: 3, OpenStdin: true, OpenStderr: true, OpenStdout: true },
      ProcessConfig: {
        ...{ tty: false, entrypoint: 'sh', arguments: ['-c', 'x'], privileged: false, user: 'app' },
      },
      ...{ CanRemove: false, ContainerID: 'c', DetachKeys: 'AWI=', Pid: 7 },
    })
  })

  it('is resized to what the client says', async () => {
    const sizes: unknown[] = []
    const { app } = startable({ resize: async (_id, size) => void sizes.push(size) })
    expect((await app.inject({ method: 'POST', url: '/exec/e/resize?h=24&w=80' })).statusCode).toBe(200)
    expect(sizes).toEqual([{ width: 80, height: 24 }])
  })
})
