/** What a daemon that was killed, or whoever else, has left: the next one releases what is a container's and nobody wants, and nothing else. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon } from './daemon.ts'

const orphan = 'a'.repeat(64)
const hierarchies = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .filter((line) => / - cgroup2? /.test(line))
  .map((line) => line.split(' ')[4] ?? '')

describe('tallyd after a crash', () => {
  let daemon: Daemon
  beforeAll(async () => {
    daemon = await new Daemon().start()
    await daemon.importBusybox()
  })
  afterAll(() => daemon?.destroy())

  const orphans = (): readonly string[] =>
    daemon
      .log()
      .split('\n')
      .filter((line) => line.includes('"orphan released"'))
      .map((line) => JSON.parse(line))
      .map(({ kind, container }) => `${kind} ${container}`)

  it('removes the layers of a container whose creation it never recorded', async () => {
    const layers = (): readonly string[] => readdirSync(join(daemon.dataRoot, 'overlay2')).sort()
    const before = layers()
    await daemon.end()
    daemon.change({ environment: { TALLY_FAULT: 'create.makeLayers.after:1:kill' } })
    await daemon.start()
    expect((await daemon.docker('create', '--network', 'none', 'bb')).code).toBe(1)
    expect(layers().length).toBe(before.length + 2)
    daemon.change({ environment: {} })
    await daemon.start()
    expect(layers()).toEqual(before)
    expect(orphans().at(-1)).toMatch(/^layer [0-9a-f]{64}$/)
  })

  it('releases what no container wants, and touches nothing of others', async () => {
    const { stdout } = await daemon.docker(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'web',
      'bb',
      'sleep',
      '1000',
    )
    const running = stdout.trim()
    await daemon.end('SIGKILL')
    const left = plantOrphan(daemon)
    const foreign = plantForeign(daemon)
    await daemon.start()
    expect(left.paths.filter(existsSync)).toEqual([])
    expect(left.processes.map(({ exitCode, signalCode }) => signalCode ?? exitCode)).toEqual(['SIGKILL'])
    expect(foreign.paths.filter((path) => !existsSync(path))).toEqual([])
    expect(foreign.process.signalCode).toBe(null)
    expect(new Set(orphans().filter((line) => line.endsWith(orphan)))).toEqual(
      new Set(
        ['cgroup', 'runtime-state', 'task', 'mount', 'bundle', 'layer', 'files'].map(
          (kind) => `${kind} ${orphan}`,
        ),
      ),
    )
    expect(orphans().some((line) => line.endsWith(running))).toBe(false)
    const { State } = JSON.parse((await daemon.docker('inspect', 'web')).stdout)[0]
    expect(State.Status).toBe('running')
    await foreign.end()
    await daemon.docker('rm', '-f', 'web')
  })

  it('ends a container whose task directory somebody has deleted, shim, processes and all', async () => {
    const { stdout } = await daemon.docker(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'lost',
      'bb',
      'sleep',
      '1001',
    )
    const id = stdout.trim()
    const { State } = JSON.parse((await daemon.docker('inspect', 'lost')).stdout)[0]
    await daemon.end('SIGKILL')
    execFileSync('rm', ['-r', join(daemon.execRoot, 'libcontainerd', 'containerd', id)])
    await daemon.start()
    await expect
      .poll(async () => (await daemon.docker('ps', '-aq', '--filter', 'status=exited')).stdout)
      .not.toBe('')
    const { State: after } = JSON.parse((await daemon.docker('inspect', 'lost')).stdout)[0]
    expect(after).toMatchObject({ Status: 'exited', ExitCode: 255, Error: `no task ${id} is known` })
    // Its parent is gone too, so it is there until the machine's first process reaps it.
    await expect.poll(() => existsSync(`/proc/${State.Pid}`), { timeout: 60_000 }).toBe(false)
    expect(groupsOf(daemon, id).filter(existsSync)).toEqual([])
    expect((await daemon.docker('start', 'lost')).code).toBe(0)
    await daemon.docker('rm', '-f', 'lost')
  })

  it('keeps what containers have written when the log is lost', async () => {
    const { stdout } = await daemon.docker('create', '--network', 'none', '--name', 'written', 'bb', 'true')
    const id = stdout.trim()
    await daemon.end()
    const away = join(daemon.root, 'away')
    mkdirSync(away)
    const move = (from: string, to: string): void => {
      for (const name of readdirSync(from).filter((name) => name.startsWith('tallyman.db')))
        execFileSync('mv', [join(from, name), to])
    }
    move(daemon.dataRoot, away)
    await daemon.start()
    expect((await daemon.docker('ps', '-aq')).stdout).toBe('')
    expect(daemon.log()).toContain('orphan kept, since the log is empty')
    await daemon.end()
    for (const name of readdirSync(daemon.dataRoot).filter((name) => name.startsWith('tallyman.db')))
      rmSync(join(daemon.dataRoot, name), { recursive: true })
    move(away, daemon.dataRoot)
    await daemon.start()
    expect(existsSync(join(daemon.dataRoot, 'overlay2', id, 'diff'))).toBe(true)
    expect((await daemon.docker('inspect', 'written')).code).toBe(0)
    await daemon.docker('rm', 'written')
  })
})

describe('tallyd whose supervisor is a process of its own', () => {
  let daemon: Daemon
  beforeAll(async () => {
    daemon = await new Daemon({ twoProcesses: true }).start()
    await daemon.importBusybox()
  })
  afterAll(() => daemon?.destroy())

  const status = async (): Promise<unknown> =>
    JSON.parse((await daemon.docker('inspect', 'web')).stdout)[0].State.Status
  const runc = (command: string, id: string): void =>
    void execFileSync('runc', ['--root', join(daemon.execRoot, 'runtime-runc'), command, id])
  const patience = { timeout: 60_000 }

  it('learns what containers did while the supervisor was dead, while itself was, and while both were', async () => {
    const web = ['--network', 'none', '--name', 'web', 'bb', 'sleep', '1000']
    const id = (await daemon.docker('run', '-d', ...web)).stdout.trim()
    await daemon.endSupervisor('SIGKILL')
    runc('pause', id)
    await daemon.startSupervisor()
    await expect.poll(status, patience).toBe('paused')
    await daemon.end('SIGKILL')
    runc('resume', id)
    await daemon.start()
    expect(await status()).toBe('running')
    await Promise.all([daemon.end('SIGKILL'), daemon.endSupervisor('SIGKILL')])
    runc('pause', id)
    await daemon.start()
    expect(await status()).toBe('paused')
    await daemon.docker('rm', '-f', 'web')
  })
})

const groupsOf = (daemon: Daemon, id: string): readonly string[] =>
  hierarchies.map((hierarchy) => join(hierarchy, daemon.namespace, id))

/** Everything that a container can leave, of one that no log knows. */
function plantOrphan(daemon: Daemon) {
  const files = join(daemon.dataRoot, 'containers', orphan)
  const layers = ['', '-init'].map((suffix) => join(daemon.dataRoot, 'overlay2', `${orphan}${suffix}`))
  const bundle = join(daemon.execRoot, 'libcontainerd', orphan)
  const state = join(daemon.execRoot, 'runtime-runc', orphan)
  const task = join(daemon.execRoot, 'libcontainerd', 'containerd', orphan)
  const groups = groupsOf(daemon, orphan)
  for (const directory of [join(files, 'shm'), ...layers, bundle, state, join(task, 'init'), ...groups])
    mkdirSync(directory, { recursive: true })
  // A whole record without the pipes that belong to it: the supervisor can't take it over, and leaves it.
  writeFileSync(
    join(task, 'init', 'task.json'),
    JSON.stringify({ id: orphan, runId: 'r', cgroupsPath: null }),
  )
  writeFileSync(join(task, 'init', 'shim'), JSON.stringify({ pid: 1, startTicks: '1' }))
  execFileSync('mount', ['-t', 'tmpfs', 'shm', join(files, 'shm')])
  const process = sleeper(groups)
  return { paths: [files, ...layers, bundle, state, task, ...groups], processes: [process] }
}

function plantForeign(daemon: Daemon) {
  const layer = join(daemon.dataRoot, 'overlay2', 'b'.repeat(64))
  const notes = join(daemon.dataRoot, 'containers', 'notes')
  const mount = join(daemon.dataRoot, 'mine')
  // Another engine's containers may have the same parent, and ids like ours.
  const groups = ['somebody', 'c'.repeat(64)].flatMap((name) => groupsOf(daemon, name))
  for (const directory of [layer, notes, mount, ...groups]) mkdirSync(directory, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', 'mine', mount])
  writeFileSync(join(mount, 'file'), '')
  const process = sleeper(groupsOf(daemon, 'c'.repeat(64)))
  const end = async (): Promise<void> => {
    process.kill('SIGKILL')
    await once(process, 'exit')
    execFileSync('umount', [mount])
    for (const group of groups) rmdirSync(group)
  }
  return { paths: [layer, notes, join(mount, 'file'), ...groups], process, end }
}

/** A process in all the groups; v1's cpuset takes none before it is given processors. */
function sleeper(groups: readonly string[]) {
  const process = spawn('sleep', ['1000'], { stdio: 'ignore' })
  for (const group of groups.filter((path) => !path.includes('/cpuset/')))
    writeFileSync(join(group, 'cgroup.procs'), String(process.pid))
  return process
}
