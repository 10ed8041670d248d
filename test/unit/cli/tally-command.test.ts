import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runTally } from '../../../src/cli/tally-command.ts'

let directory: string
let socket: string
let server: Server | undefined

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tally-'))
  socket = join(directory, 'docker.sock')
})

afterEach(() => {
  server?.close()
  server = undefined
  rmSync(directory, { recursive: true })
})

async function serve(handler: RequestListener): Promise<void> {
  server = createServer(handler).listen(socket)
  await once(server, 'listening')
}

async function tally(args: readonly string[], env: Record<string, string> = {}) {
  const out = new PassThrough()
  const err = new PassThrough()
  const exitCode = await runTally(args, '1.2.3', { out, err, env })
  return { exitCode, out: String(out.read() ?? ''), err: String(err.read() ?? '') }
}

const recorded = (version: number, type: string) => ({
  position: version,
  version,
  type,
  time: '2026-11-24T06:32:43.123456789Z',
  data: { runId: 'r' },
  meta: { monotonic: '1', bootId: 'b' },
  hash: 'ff',
})
const lines = [recorded(1, 'StartRequested'), recorded(2, 'RootfsMounted')].map((event) =>
  JSON.stringify(event),
)

describe('tally history', () => {
  it('shows the events of the container that was named', async () => {
    const paths: unknown[] = []
    await serve((request, response) => {
      paths.push(request.url)
      response.end(`${lines.join('\n')}\n`)
    })
    const { exitCode, out, err } = await tally(['-H', `unix://${socket}`, 'history', 'a/b'])
    expect({ exitCode, err, paths }).toEqual({
      exitCode: 0,
      err: '',
      paths: ['/tally/containers/a%2Fb/events'],
    })
    expect(out.split('\n').map((line) => line.trim().split(/ {2,}/).at(-2))).toEqual([
      'EVENT',
      'StartRequested',
      'RootfsMounted',
      undefined,
    ])
  })

  it('has no colours where the output is no terminal', async () => {
    await serve((_request, response) => response.end(`${lines.join('\n')}\n`))
    const { out } = await tally(['-H', `unix://${socket}`, 'history', 'x'])
    expect(out).not.toContain('\u001b')
  })

  it('prints JSON lines with --json', async () => {
    await serve((_request, response) => response.end(`${lines.join('\n')}\n`))
    const { out } = await tally(['-H', `unix://${socket}`, 'history', '--json', 'x'])
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => Object.keys(JSON.parse(line)))
    expect(events).toEqual([
      ['position', 'version', 'type', 'time', 'data'],
      ['position', 'version', 'type', 'time', 'data'],
    ])
  })

  it('finds the daemon by TALLY_HOST before DOCKER_HOST', async () => {
    await serve((_request, response) => response.end())
    const env = { TALLY_HOST: `unix://${socket}`, DOCKER_HOST: 'unix:///nowhere' }
    expect(await tally(['history', 'x'], env)).toMatchObject({ exitCode: 0 })
    expect(await tally(['history', 'x'], { DOCKER_HOST: `unix://${socket}` })).toMatchObject({ exitCode: 0 })
  })

  it('repeats what the daemon says no to, and exits with 1', async () => {
    await serve((_request, response) => {
      response.writeHead(404, { 'content-type': 'application/json' })
      response.end('{"message":"No such container: x"}')
    })
    expect(await tally(['-H', `unix://${socket}`, 'history', 'x'])).toEqual({
      exitCode: 1,
      out: '',
      err: 'tally: No such container: x\n',
    })
  })

  it('says so when no daemon answers', async () => {
    expect(await tally(['-H', `unix://${socket}`, 'history', 'x'])).toEqual({
      exitCode: 1,
      out: '',
      err: `tally: cannot connect to tallyd at unix://${socket}: is tallyd running?\n`,
    })
  })

  it.each([
    ['no container', ['history']],
    ['an unknown command', ['watch']],
    ['a host that is no unix socket', ['-H', 'tcp://x', 'history', 'x']],
  ])('exits with 2 for %s', async (_name, args) => {
    const { exitCode, err } = await tally(args)
    expect(exitCode).toBe(2)
    expect(err).not.toBe('')
  })

  it('prints its version', async () => {
    expect(await tally(['--version'])).toEqual({ exitCode: 0, out: 'Tallyman version 1.2.3\n', err: '' })
  })
})
