/** What a daemon that was killed, or whoever else, has left: the next one releases what is a container's and nobody wants, and nothing else. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
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
        ['cgroup', 'runtime-state', 'mount', 'bundle', 'layer', 'files'].map((kind) => `${kind} ${orphan}`),
      ),
    )
    expect(orphans().some((line) => line.endsWith(running))).toBe(false)
    const { State } = JSON.parse((await daemon.docker('inspect', 'web')).stdout)[0]
    expect(State.Status).toBe('running')
    foreign.end()
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
    expect(existsSync(`/proc/${State.Pid}`)).toBe(false)
    expect(groupsOf(daemon, id).filter(existsSync)).toEqual([])
    expect((await daemon.docker('start', 'lost')).code).toBe(0)
    await daemon.docker('rm', '-f', 'lost')
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
  const groups = groupsOf(daemon, orphan)
  for (const directory of [join(files, 'shm'), ...layers, bundle, state, ...groups])
    mkdirSync(directory, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', 'shm', join(files, 'shm')])
  const process = sleeper(groups)
  return { paths: [files, ...layers, bundle, state, ...groups], processes: [process] }
}

function plantForeign(daemon: Daemon) {
  const layer = join(daemon.dataRoot, 'overlay2', 'b'.repeat(64))
  const notes = join(daemon.dataRoot, 'containers', 'notes')
  const mount = join(daemon.dataRoot, 'mine')
  const groups = groupsOf(daemon, 'somebody')
  for (const directory of [layer, notes, mount, ...groups]) mkdirSync(directory, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', 'mine', mount])
  writeFileSync(join(mount, 'file'), '')
  const process = sleeper(groups)
  const end = (): void => {
    process.kill('SIGKILL')
    execFileSync('umount', [mount])
    execFileSync('sleep', ['0.2'])
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
