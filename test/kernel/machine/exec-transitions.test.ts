/** Leads real execs through the whole of their machine. What none of them went through fails the last test by its name. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { getStateNodes } from 'xstate/graph'
import { execMachine } from '../../../machines/exec.ts'
import type { ExecEvent } from '../../../machines/exec-events.ts'
import { evolveExec, newExecLife } from '../../../machines/exec-life.ts'
import { apiSocketPath, databasePath } from '../../../src/paths.ts'
import { lookInto } from '../../../src/store/offline.ts'
import { type EventRow, recordedEvent } from '../../../src/store/recorded.ts'
import { upcasts } from '../../../src/store/upcast.ts'
import { Host } from './host.ts'

vi.setConfig({ testTimeout: 180_000 })

let host: Host
let web: string
beforeAll(async () => {
  host = await new Host().open()
  await host.importBusybox()
  web = await host.run(['sleep', '1000'])
}, 120_000)
afterAll(() => host?.destroy(), 120_000)

const answers = (status: number) => expect.objectContaining({ status })
const terminal = { Tty: true, AttachStdin: true, AttachStdout: true }
const keys = '\x10\x11'

const create = async (container: string, Cmd: readonly string[], more: object = {}): Promise<string> =>
  JSON.parse(await host.api.ask('POST', `/containers/${container}/exec`, JSON.stringify({ Cmd, ...more }))).Id
const start = (id: string) => host.api.send('POST', `/exec/${id}/start`, '{"Detach":true}')
const inspect = async (id: string) => JSON.parse(await host.api.ask('GET', `/exec/${id}/json`))
const ended = (id: string, ExitCode: number) =>
  expect.poll(() => inspect(id), { timeout: 60_000 }).toMatchObject({ Running: false, ExitCode })

/** Attaches at a terminal. @returns the connection, of which the head was read. */
async function attach(id: string) {
  const socket = connect(apiSocketPath(host.roots))
  const body = '{"Tty":true}'
  const head = [`POST /exec/${id}/start HTTP/1.1`, 'Host: d', 'Content-Type: application/json']
  socket.write([...head, `Content-Length: ${body.length}`, '', body].join('\r\n'))
  await once(socket, 'data')
  return socket.resume()
}

describe('an exec', () => {
  it('ends by itself', async () => {
    const id = await create(web, ['sh', '-c', 'exit 3'])
    expect(await start(id)).toEqual(answers(200))
    await ended(id, 3)
  })

  it('fails, and says why', async () => {
    const id = await create(web, ['no-such-command'])
    expect(await start(id)).toEqual(answers(400))
    expect(await inspect(id)).toMatchObject({ Running: false, ExitCode: 126 })
  })

  it('is left by the detach keys while it runs', async () => {
    const id = await create(web, ['timeout', '2', 'cat'], terminal)
    const client = await attach(id)
    await expect.poll(async () => (await inspect(id)).Pid, { timeout: 30_000 }).toBeGreaterThan(0)
    client.write(keys)
    await once(client, 'close')
    expect(await inspect(id)).toMatchObject({ Running: true })
    await ended(id, 143)
  })

  it('is left by the detach keys before its start is recorded', async () => {
    const gate = host.gates.hold('perform.startExec.after')
    const id = await create(web, ['timeout', '2', 'cat'], terminal)
    const client = await attach(id)
    await gate.reached
    client.write(keys)
    await expect
      .poll(() => host.api.ask('GET', `/events?since=0&until=${Date.now() / 1000 + 0.2}`), {
        timeout: 60_000,
      })
      .toMatch(new RegExp(`exec_detach.*${id}`))
    gate.open()
    await once(client, 'close')
    await ended(id, 143)
  })

  it('waits a while for its start before it is resized', async () => {
    const id = await create(web, ['timeout', '2', 'cat'], terminal)
    expect(await host.api.send('POST', `/exec/${id}/resize?h=1&w=1`)).toEqual({
      status: 500,
      text: expect.stringContaining('timeout waiting for exec session ready'),
    })
    await start(id)
    expect(await host.api.send('POST', `/exec/${id}/resize?h=24&w=80`)).toEqual(answers(200))
    await ended(id, 143)
  })

  it('ends with its container while it runs, while it starts and before it was started', async () => {
    const container = await host.run(['sleep', '1000'])
    const [running, starting, created] = await Promise.all(
      [1, 2, 3].map(() => create(container, ['sleep', '1000'])),
    )
    await start(running ?? '')
    const gate = host.gates.hold('perform.startExec.before')
    const started = start(starting ?? '')
    await gate.reached
    expect(await host.ask(container, 'kill')).toEqual(answers(204))
    gate.open()
    expect((await started).status).toBeGreaterThanOrEqual(400)
    expect(await inspect(running ?? '')).toMatchObject({ Running: false, ExitCode: 137 })
    expect(await host.api.send('GET', `/exec/${created}/json`)).toEqual(answers(404))
    expect(host.leavings(container)).toEqual([])
    expect(await host.remove(container)).toEqual(answers(204))
    expect(await host.api.send('GET', `/exec/${running}/json`)).toEqual(answers(404))
  })

  it('is known to the next daemon, and what ended meanwhile too', async () => {
    const flag = '/tmp/on'
    const lasting = await create(web, ['sh', '-c', `while [ ! -e ${flag} ]; do sleep 0.1; done; exit 6`])
    const short = await create(web, ['sh', '-c', 'sleep 1; exit 7'])
    for (const id of [lasting, short]) expect(await start(id)).toEqual(answers(200))
    await host.close()
    await host.open()
    await ended(short, 7)
    expect(await inspect(lasting)).toMatchObject({ Running: true })
    await start(await create(web, ['touch', flag]))
    await ended(lasting, 6)
  })

  it('is lost with a reboot', async () => {
    const id = await create(web, ['sleep', '1000'])
    await start(id)
    await host.close()
    await host.open({ bootId: 'another' })
    await host.until(web, 'Released')
    await expect.poll(() => inspect(id), { timeout: 60_000 }).toMatchObject({ Running: false })
    expect(host.leavings(web)).toEqual([])
  })
})

describe('all of them together', () => {
  it('were in every state and took every transition', async () => {
    await host.close()
    const taken = lookInto(databasePath(host.roots), (connection) =>
      connection
        .prepare<[], EventRow>("SELECT * FROM events WHERE stream GLOB 'exec/*' ORDER BY position")
        .all(),
    )
    await host.open()
    const all = getStateNodes(execMachine).flatMap(({ id, ownEvents }) =>
      ownEvents.map((type) => `${type} in ${id}`),
    )
    const seen = transitions(taken)
    expect(all.filter((transition) => !seen.has(transition))).toEqual([])
    const states = getStateNodes(execMachine).map(({ id }) => id)
    expect(states.filter((id) => !seen.has(id))).toEqual([])
  })
})

/** Also the states, by their ids. */
function transitions(rows: readonly EventRow[]): ReadonlySet<string> {
  const seen = new Set<string>()
  for (const stream of Map.groupBy(rows, ({ stream }) => stream).values()) {
    let life = newExecLife()
    for (const row of stream) {
      const { event } = recordedEvent<ExecEvent>(row, upcasts)
      for (const { id } of life._nodes) seen.add(id).add(`${event.type} in ${id}`)
      life = evolveExec(life, event)
    }
    for (const { id } of life._nodes) seen.add(id)
  }
  return seen
}
