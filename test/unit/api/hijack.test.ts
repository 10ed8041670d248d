/** Attach over a real unix socket: both ways to turn a connection into a stream, and everything that can happen to it then. */
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test as it } from 'vitest'
import { frameHeader } from '../../../src/api/frames.ts'
import type { AttachStreams, Engine } from '../../../src/engine/port.ts'
import type { Origin } from '../../../src/origin.ts'
import { logPath } from '../../../src/paths.ts'
import { daemon, engineWith, serverFor, type ViewParts, viewOf } from './parts.ts'
import { listen, type RawClient } from './raw-client.ts'

const type = 'Content-Type: application/vnd.docker.raw-stream'
const all = 'stream=1&stdin=1&stdout=1&stderr=1'
const interactive: ViewParts = { config: { OpenStdin: true } }

const forms = [
  { form: 'an upgrade', upgrade: ['Connection: Upgrade', 'Upgrade: tcp'], status: 'HTTP/1.1 101 UPGRADED' },
  { form: 'the old way', upgrade: [], status: 'HTTP/1.1 200 OK' },
] as const

function head(upgrade: readonly string[], { query = all, extra = ['Content-Length: 0'] } = {}): string {
  const lines = [`POST /v1.41/containers/one/attach?${query} HTTP/1.1`, 'Host: d', ...extra, ...upgrade]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** One attach: what the engine was given and how to end it. */
interface Attached {
  readonly streams: AttachStreams
  readonly signal: AbortSignal
  readonly origin: Origin
  readonly end: () => void
}

function attachable(parts: ViewParts = interactive, detached: Engine['detached'] = async () => undefined) {
  const attached = Promise.withResolvers<Attached>()
  const attach: Engine['attach'] = async (_ref, streams, origin, signal) => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => end())
    attached.resolve({ streams, signal, origin, end })
    return { ended }
  }
  return { attached: attached.promise, app: serverFor(engineWith([viewOf(parts)], { attach, detached })) }
}

const frame = (stream: 'stdout' | 'stderr', text: string): string =>
  frameHeader(stream, text.length).toString('latin1') + text

async function textOf(stream: AsyncIterable<Buffer> | undefined): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += chunk.toString()
  return text
}

async function startAttach(client: RawClient, upgrade: readonly string[], attached: Promise<Attached>) {
  client.send(head(upgrade))
  await client.sees('\r\n\r\n')
  return attached
}

describe.each(forms)('attach by $form', ({ upgrade, status }) => {
  it('answers with the head that Docker sends, and nothing that would bound the stream', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    await startAttach(client, upgrade, attached)
    const expected = [
      status,
      type,
      ...(upgrade.length > 0 ? ['Connection: Upgrade', 'Upgrade: tcp'] : []),
      '',
      '',
    ]
    expect(client.received).toBe(expected.join('\r\n'))
  })

  it('frames stdout and stderr in the order in which they were written', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    const { streams, end } = await startAttach(client, upgrade, attached)
    streams.stdout?.write('out')
    streams.stderr?.write('err')
    end()
    await client.ended
    expect(client.received.split('\r\n\r\n')[1]).toBe(frame('stdout', 'out') + frame('stderr', 'err'))
  })

  it('knows who attached', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    const { origin } = await startAttach(client, upgrade, attached)
    expect(origin).toMatchObject({ uid: process.getuid?.(), pid: process.pid })
  })

  it('gives bytes that came together with the head to stdin, not to the HTTP parser', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    client.send(`${head(upgrade)}GET /_ping HTTP/1.1\r\n\r\n`)
    const { streams } = await attached
    client.socket.end()
    expect(await textOf(streams.stdin)).toBe('GET /_ping HTTP/1.1\r\n\r\n')
  })

  it('ends stdin when the client closes its half, and still delivers output', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    const { streams, end, signal } = await startAttach(client, upgrade, attached)
    client.socket.end('last words')
    expect(await textOf(streams.stdin)).toBe('last words')
    expect(signal.aborted).toBe(false)
    streams.stdout?.write('answer')
    end()
    await client.ended
    expect(client.received).toContain(frame('stdout', 'answer'))
  })

  it('aborts when the client goes away altogether', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    const { signal } = await startAttach(client, upgrade, attached)
    client.socket.destroy()
    if (!signal.aborted) await once(signal, 'abort')
    expect(signal.aborted).toBe(true)
  })

  it('takes no more output than the client reads', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    const { streams, end } = await startAttach(client, upgrade, attached)
    client.socket.pause()
    const { stdout } = streams
    let written = 0
    while (stdout && written < 64 * 1024 * 1024) {
      written += 65536
      if (!stdout.write(Buffer.alloc(65536)) && !(await Promise.race([once(stdout, 'drain'), sleep(300)])))
        break
    }
    expect(written).toBeLessThan(2 * 1024 * 1024)
    client.socket.resume()
    end()
    await client.ended
    expect(client.received.length).toBeGreaterThan(written)
  })

  it('reads no more input than the container takes', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    const { streams } = await startAttach(client, upgrade, attached)
    let sent = 0
    while (sent < 64 * 1024 * 1024) {
      sent += 65536
      const taken = client.socket.write(Buffer.alloc(65536))
      if (!taken && !(await Promise.race([once(client.socket, 'drain'), sleep(300)]))) break
    }
    expect(sent).toBeLessThan(2 * 1024 * 1024)
    client.socket.end()
    expect((await textOf(streams.stdin)).length).toBe(sent)
  })

  it('skips a body of options, as dockerode sends it, also in pieces', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    client.send(head(upgrade, { extra: ['Content-Type: application/json', 'Content-Length: 15'] }))
    client.send('{"stream"')
    await sleep(30)
    client.send(':true}stdin')
    const { streams } = await attached
    client.socket.end()
    expect(await textOf(streams.stdin)).toBe('stdin')
  })

  it('answers errors as usual and closes', async () => {
    const { app } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    client.send(head(upgrade).replace('/one/', '/two/'))
    await client.ended
    expect(client.received).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/)
    expect(client.received).toContain('{"message":"No such container: two"}')
  })

  it('can follow other requests on the same connection', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    client.send('GET /_ping HTTP/1.1', 'Host: d', '', '')
    await client.sees('OK')
    client.send(head(upgrade))
    await attached
    expect(await client.sees(status)).toContain(status)
  })
})

describe('attach', () => {
  it('refuses a paused container', async () => {
    const { app } = attachable({ status: 'paused' })
    await using server = await listen(app)
    const client = await server.client()
    client.send(head([]))
    await client.ended
    expect(client.received).toContain('409 Conflict')
    expect(client.received).toContain('container one is paused, unpause the container before attach')
  })

  it('gives the container no stdin if it was made without one, and ends nothing when the client has no more to say', async () => {
    const { app, attached } = attachable({})
    await using server = await listen(app)
    const client = await server.client()
    const { streams, end, signal } = await startAttach(client, [], attached)
    expect(streams.stdin).toBeUndefined()
    client.socket.end('nobody reads this')
    streams.stdout?.write('still here')
    await client.sees('still here')
    expect(signal.aborted).toBe(false)
    end()
    await client.ended
  })

  it('notices that the client is gone although it closed its half before', async () => {
    const { app, attached } = attachable({})
    await using server = await listen(app)
    const client = await server.client()
    const { signal } = await startAttach(client, [], attached)
    client.socket.end()
    await sleep(50)
    expect(signal.aborted).toBe(false)
    client.socket.destroy()
    if (!signal.aborted) await once(signal, 'abort')
    expect(signal.aborted).toBe(true)
  }, 15_000)

  it('lets the engine destroy stdin without losing the way back', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    const { streams, end } = await startAttach(client, [], attached)
    streams.stdin?.destroy()
    client.socket.write('into the void')
    streams.stdout?.write('after all')
    end()
    await client.ended
    expect(client.received).toContain(frame('stdout', 'after all'))
  })

  it('sends a terminal’s bytes as they are', async () => {
    const { app, attached } = attachable({ config: { Tty: true, OpenStdin: true } })
    await using server = await listen(app)
    const client = await server.client()
    const { streams, end } = await startAttach(client, [], attached)
    expect(streams.stderr).toBeUndefined()
    streams.stdout?.write('raw\r\n')
    end()
    await client.ended
    expect(client.received.split('\r\n\r\n')[1]).toBe('raw\r\n')
  })

  it('lets who types at a terminal leave by the detach keys, and says so', async () => {
    const left: string[] = []
    const { app, attached } = attachable({ config: { Tty: true, OpenStdin: true } }, async (ref) => {
      left.push(ref)
    })
    await using server = await listen(app)
    const client = await server.client()
    const { streams } = await startAttach(client, [], attached)
    client.socket.write('typed\x10')
    client.socket.write('\x11lost')
    expect(await textOf(streams.stdin)).toBe('typed')
    expect(left).toEqual([viewOf({}).id])
  })

  it('knows no detach keys without a terminal', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    const { streams } = await startAttach(client, [], attached)
    client.socket.end('typed\x10\x11not lost')
    expect(await textOf(streams.stdin)).toBe('typed\x10\x11not lost')
  })

  it.each(['one', 'gone'])('refuses detach keys that there are not, also for %s', async (ref) => {
    const { app } = attachable()
    const reply = await app.inject({ method: 'POST', url: `/containers/${ref}/attach?detachKeys=ctrl-1` })
    expect([reply.statusCode, reply.json()]).toEqual([
      400,
      { message: 'Invalid detach keys (ctrl-1) provided' },
    ])
  })

  it('sends what the log holds before what comes live', async () => {
    const { app, attached } = attachable()
    const path = logPath(daemon.roots, viewOf({}).id)
    await mkdir(dirname(path), { recursive: true })
    const line = { log: 'from the log\n', stream: 'stdout', time: '2026-11-24T11:59:31.000000000Z' }
    await writeFile(path, `${JSON.stringify(line)}\n`)
    await using server = await listen(app)
    const client = await server.client()
    client.send(head([], { query: `${all}&logs=1` }))
    const { streams, end } = await attached
    streams.stdout?.write('live')
    end()
    await client.ended
    await rm(daemon.roots.dataRoot, { recursive: true })
    expect(client.received.split('\r\n\r\n')[1]).toBe(
      frame('stdout', 'from the log\n') + frame('stdout', 'live'),
    )
  })

  it('without stream and logs ends at once', async () => {
    const { app } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    client.send(head([], { query: 'stdout=1' }))
    await client.ended
    expect(client.received).toBe(`HTTP/1.1 200 OK\r\n${type}\r\n\r\n`)
  })

  it('closing the server ends hijacked connections', async () => {
    const { app, attached } = attachable()
    await using server = await listen(app)
    const client = await server.client()
    await startAttach(client, [], attached)
    await app.close()
    await client.ended
    expect(client.socket.readableEnded || client.socket.destroyed).toBe(true)
  })

  it('is no attach when it comes without a connection of its own', async () => {
    const { app } = attachable()
    const reply = await app.inject({ method: 'POST', url: '/containers/one/attach?stream=1' })
    expect(reply.statusCode).toBe(400)
  })
})

it('an upgrade that is not ours to make is answered as an ordinary request', async () => {
  const { app } = attachable()
  await using server = await listen(app)
  const client = await server.client()
  client.send('GET /_ping HTTP/1.1', 'Host: d', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', '', '')
  expect(await client.sees('OK')).toMatch(/^HTTP\/1\.1 200 OK/)
})
