/** The daemon ends, one of another build comes, and everything that ran goes on: with the real docker CLI, runc and kernel. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { machineVersion } from '../../machines/container-life.ts'
import { databasePath } from '../../src/paths.ts'
import { lookInto } from '../../src/store/offline.ts'
import { Build } from './build.ts'
import { Daemon, run as execute } from './daemon.ts'

const project = resolve(import.meta.dirname, '../..')
/** `TALLY_OLDER_BUILD` names the folder of a real one, set up there; without it only version and shim differ. */
const older = process.env.TALLY_OLDER_BUILD ?? project
const counting = 'trap "exit 5" TERM; i=0; while true; do echo $i; i=$((i+1)); sleep 0.1; done'

/** Each test starts up to six daemons and twenty containers. */
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 })

let newer: Build
beforeAll(() => {
  newer = new Build('9.1.0')
})
afterAll(() => newer?.[Symbol.dispose]())

describe.each([
  { mode: 'one process', twoProcesses: false },
  { mode: 'two processes', twoProcesses: true },
])('an upgrade of tallyd in $mode', ({ twoProcesses }) => {
  let daemon: Daemon
  const docker = (...args: readonly string[]) => daemon.docker(...args)
  const run = (name: string, ...args: readonly string[]) =>
    docker('run', '-d', '--network', 'none', '--name', name, ...args)
  const state = async (name: string) =>
    JSON.parse((await docker('inspect', '--format', '{{json .State}}', name)).stdout)
  const lines = async (name: string) => (await docker('logs', name)).stdout.trim().split('\n')
  const versions = async () => (await docker('version', '--format', '{{.Server.Version}}')).stdout.trim()
  const everyNumber = (all: readonly string[]) => expect(all).toEqual(all.map((_, at) => String(at)))

  const shimBinary = async (name: string) => {
    const { stdout } = await daemon.tally('history', '--json', name)
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const pid = events.findLast(({ type }) => type === 'ShimStarted').data.shimPid
    return readlinkSync(`/proc/${pid}/exe`)
  }

  /** Both processes become the other build's, the one that the daemon does not need first. */
  const change = async (build: string, signal: NodeJS.Signals) => {
    await daemon.end(signal)
    await daemon.endSupervisor(signal)
    daemon.change({ build })
    await daemon.start()
  }

  beforeAll(async () => {
    daemon = await new Daemon({ twoProcesses, build: older }).start()
    await daemon.importBusybox()
  })
  afterAll(() => daemon?.destroy())

  it.each(['SIGTERM', 'SIGKILL'] as const)('after %s adopts all that runs', async (signal) => {
    await change(older, 'SIGTERM')
    const old = await versions()
    await run('counter', 'bb', 'sh', '-c', counting)
    await run('deaf', 'bb', 'sleep', '1000')
    await run('away', 'bb', 'sh', '-c', 'sleep 0.5; exit 4')
    await run('brief', '--rm', 'bb', 'sh', '-c', 'trap "exit 6" TERM; while true; do sleep 0.1; done')
    await run('echo', '-i', 'bb', 'cat')
    const before = await state('counter')
    expect(await shimBinary('counter')).toBe(join(older, 'build/tally-shim'))

    await change(newer.root, signal)
    expect([old, await versions()]).toEqual([expect.not.stringContaining('9.1.0'), '9.1.0'])
    expect(await state('counter')).toEqual(before)
    expect((await docker('wait', 'away')).stdout).toBe('4\n')

    await grown('counter')
    const followed = docker('logs', '-f', 'counter')
    const attached = docker('attach', '--no-stdin', 'counter')
    const waited = docker('wait', 'counter')
    while (!(await attachedTo('counter'))) await sleep(50)
    await grown('counter')
    expect((await docker('stop', 'counter')).code).toBe(0)
    everyNumber((await followed).stdout.trim().split('\n'))
    const seen = await attached
    expect([seen.code, seen.stdout]).toEqual([5, expect.stringMatching(/^\d+\n/)])
    expect((await waited).stdout).toBe('5\n')

    const fed = talkTo('echo')
    while ((await docker('logs', 'echo')).stdout !== 'hello\n') await sleep(50)
    expect((await docker('kill', 'echo', 'deaf')).code).toBe(0)
    expect((await fed).stdout).toBe('hello\n')
    expect((await docker('wait', 'deaf')).stdout).toBe('137\n')

    expect((await docker('start', 'deaf')).code).toBe(0)
    expect(await shimBinary('deaf')).toBe(newer.shim)
    expect((await docker('restart', '-t', '0', 'deaf')).code).toBe(0)
    expect((await docker('stop', 'brief')).code).toBe(0)
    expect((await docker('rm', '-f', 'deaf', 'counter', 'away', 'echo')).code).toBe(0)
    expect((await docker('ps', '-aq')).stdout).toBe('')
  })

  /** Docker ends a session when its stdin ends, so that stays open for a while. */
  const talkTo = (name: string) =>
    execute('sh', ['-c', `(echo hello; sleep 5) | docker -H unix://${daemon.socket} attach ${name}`])

  async function grown(name: string): Promise<void> {
    const then = (await lines(name)).length
    while ((await lines(name)).length <= then + 3) await sleep(50)
  }

  /** The event is recorded before the session begins. */
  async function attachedTo(name: string): Promise<boolean> {
    const { stdout } = await daemon.tally('history', '--json', name)
    return stdout.includes('"Attached"')
  }

  it('goes back to the older build as well, as long as the schema is the same', async () => {
    await change(newer.root, 'SIGTERM')
    await run('counter', 'bb', 'sh', '-c', counting)
    const before = await state('counter')
    await change(older, 'SIGKILL')
    expect(await state('counter')).toEqual(before)
    expect((await docker('restart', 'counter')).code).toBe(0)
    expect((await docker('stop', 'counter')).code).toBe(0)
    expect((await docker('wait', 'counter')).stdout).toBe('5\n')
    everyNumber(await linesOfLastRun())
    expect((await docker('rm', 'counter')).code).toBe(0)
  })

  async function linesOfLastRun(): Promise<readonly string[]> {
    const all = await lines('counter')
    return all.slice(all.lastIndexOf('0'))
  }

  it.runIf(twoProcesses)(
    'takes the supervisor first and the daemon later, or the other way round',
    async () => {
      await change(older, 'SIGTERM')
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        await run('counter', 'bb', 'sh', '-c', counting)
        const before = await state('counter')
        daemon.change({ build: signal === 'SIGTERM' ? newer.root : older })
        await daemon.endSupervisor(signal)
        await daemon.startSupervisor()
        expect(await state('counter')).toEqual(before)
        expect((await docker('kill', '-s', 'TERM', 'counter')).code).toBe(0)
        expect((await docker('wait', 'counter')).stdout).toBe('5\n')
        expect((await docker('start', 'counter')).code).toBe(0)
        await daemon.end(signal)
        await daemon.start()
        expect((await docker('stop', 'counter')).code).toBe(0)
        expect((await state('counter')).ExitCode).toBe(5)
        expect((await docker('rm', 'counter')).code).toBe(0)
      }
    },
  )
})

describe('a build with another schema', () => {
  let daemon: Daemon
  let newest: Build
  const docker = (...args: readonly string[]) => daemon.docker(...args)

  beforeAll(async () => {
    newest = new Build('9.2.0')
    daemon = await new Daemon().start()
    await daemon.importBusybox()
  })
  afterAll(async () => {
    await daemon?.destroy()
    newest?.[Symbol.dispose]()
  })

  const states = () =>
    lookInto(databasePath(daemon), (connection) =>
      connection.prepare<[], string>('SELECT state FROM containers').pluck().all(),
    ).map((text) => JSON.parse(text))

  it('shows what its own machine makes of an old log', async () => {
    await docker('run', '--network', 'none', '--name', 'ended', 'bb', 'sh', '-c', 'exit 3')
    await docker('run', '-d', '--network', 'none', '--name', 'runs', 'bb', 'sh', '-c', counting)
    newest.change('machines/container-context.ts', '  signalCount: 0,', '  signalCount: 0,\n  berth: 7,')
    newest.change(
      'machines/container-life.ts',
      `machineVersion = ${machineVersion}`,
      `machineVersion = ${machineVersion + 1}`,
    )
    await daemon.end()
    daemon.change({ build: newest.root })
    await daemon.start()
    expect((await docker('ps', '-a', '--format', '{{.Names}} {{.State}}')).stdout).toBe(
      'runs running\nended exited\n',
    )
    await daemon.end()
    expect(states().map(({ context }) => context.berth)).toEqual([7, 7])
    await daemon.start()
    expect((await docker('stop', 'runs')).code).toBe(0)
    expect((await docker('wait', 'runs', 'ended')).stdout).toBe('5\n3\n')
  })

  it('leaves a database that older builds refuse with one sentence, and goes on itself', async () => {
    const number = String(readdirSync(join(project, 'migrations')).length + 1).padStart(4, '0')
    await docker('start', 'runs')
    await daemon.end()
    newest.write(`migrations/${number}-berths.sql`, 'CREATE TABLE berths (name TEXT NOT NULL) STRICT;\n')
    await daemon.start()
    await daemon.end()
    const roots = ['--data-root', daemon.dataRoot, '--exec-root', daemon.execRoot]
    const old = spawnSync(join(project, 'bin/tallyd'), [...roots, '-H', `unix://${daemon.root}/old.sock`], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect([old.status, old.stderr]).toEqual([
      1,
      `tallyd: the database has schema ${Number(number)} (${number}-berths.sql) of a newer Tallyman; this one knows schema ${Number(number) - 1} at most\n`,
    ])
    await daemon.start()
    expect((await docker('inspect', '--format', '{{.State.Running}}', 'runs')).stdout).toBe('true\n')
    expect((await docker('rm', '-f', 'runs')).code).toBe(0)
  })
})

it('both builds of the test have different shims', () => {
  expect(readFileSync(newer.shim).equals(readFileSync(join(project, 'build/tally-shim')))).toBe(false)
})
