/** The lives of execs that are recorded: each leads one exec, in the container `name`, through something that happens to execs. */
import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiClient } from '../e2e/api-client.ts'
import type { Daemon } from '../e2e/daemon.ts'

/** The container runs already. */
export type ExecLive = (daemon: Daemon, name: string) => Promise<void>

export const execLives: Readonly<Record<string, ExecLive>> = {
  'never-started': async (daemon, name) => void (await create(daemon, name, { Cmd: ['true'] })),
  success: async (daemon, name) => void (await daemon.docker('exec', name, 'true')),
  'exit-code': async (daemon, name) =>
    void (await daemon.docker('exec', '-e', 'A=1', '-u', 'app', '-w', '/etc', name, 'sh', '-c', 'exit 3')),
  detached: async (daemon, name) => {
    const id = await create(daemon, name, { Cmd: ['sleep', '1'] })
    await start(daemon, id)
    await over(daemon, id)
  },
  'no-such-command': async (daemon, name) => void (await daemon.docker('exec', name, 'no-such-command')),
  'no-such-user': async (daemon, name) =>
    void (await daemon.docker('exec', '-u', 'nobody-knows', name, 'true')),
  left: async (daemon, name) => {
    const body = { Cmd: ['timeout', '2', 'cat'], Tty: true, AttachStdin: true, AttachStdout: true }
    const id = await create(daemon, name, body)
    await leave(daemon, id)
    await over(daemon, id)
  },
  'killed-with-its-container': async (daemon, name) => {
    const id = await create(daemon, name, { Cmd: ['sleep', '1000'] })
    await start(daemon, id)
    await daemon.docker('kill', name)
    await over(daemon, id)
  },
  'ended-while-daemon-was-away': async (daemon, name) => {
    const id = await create(daemon, name, { Cmd: ['sh', '-c', 'sleep 1; exit 4'] })
    await start(daemon, id)
    await daemon.end('SIGKILL')
    await sleep(2000)
    await daemon.start()
    await over(daemon, id)
  },
  'crash-before-start-is-recorded': (daemon, name) => crash(daemon, name, 'perform.startExec.after'),
  'crash-before-exit-is-recorded': (daemon, name) => crash(daemon, name, 'perform.watchExec.after'),
  'crash-while-releasing': (daemon, name) => crash(daemon, name, 'perform.releaseExec.after'),
  'start-failed': async (daemon, name) => {
    await restart(daemon, 'perform.startExec.before:1:error')
    await daemon.docker('exec', name, 'true')
    await restart(daemon)
  },
}

/** Whatever the daemon was told to do last is in the log when it ends. */
async function crash(daemon: Daemon, name: string, point: string): Promise<void> {
  await restart(daemon, `${point}:1:kill`)
  const id = await create(daemon, name, { Cmd: ['sh', '-c', 'sleep 1; exit 5'] })
  await start(daemon, id).catch(() => undefined)
  await sleep(3000)
  await daemon.end('SIGKILL')
  await restart(daemon)
  await over(daemon, id)
}

async function restart(daemon: Daemon, fault = ''): Promise<void> {
  await daemon.end()
  daemon.change({ environment: { TALLY_FAULT: fault } })
  await daemon.start()
}

async function create(daemon: Daemon, name: string, body: object): Promise<string> {
  using api = new ApiClient(daemon.socket)
  return JSON.parse(await api.ask('POST', `/containers/${name}/exec`, JSON.stringify(body))).Id
}

async function start(daemon: Daemon, id: string): Promise<void> {
  using api = new ApiClient(daemon.socket)
  await api.ask('POST', `/exec/${id}/start`, '{"Detach":true}')
}

async function leave(daemon: Daemon, id: string): Promise<void> {
  const socket = createConnection(daemon.socket).on('error', () => undefined)
  const left = new Promise<unknown>((resolve) => socket.resume().once('close', resolve))
  const head = [`POST /exec/${id}/start HTTP/1.1`, 'Host: d', 'Content-Type: application/json']
  socket.write([...head, 'Content-Length: 12', '', '{"Tty":true}\x10\x11'].join('\r\n'))
  await left
}

/** Waits until it has ended, and a moment longer for its release. */
async function over(daemon: Daemon, id: string): Promise<void> {
  using api = new ApiClient(daemon.socket)
  const runs = async (): Promise<boolean> => JSON.parse(await api.ask('GET', `/exec/${id}/json`)).Running
  for (let attempt = 0; attempt < 400 && (await runs()); attempt += 1) await sleep(50)
  await sleep(500)
}
