import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test as it } from 'vitest'
import { openSupervisor } from '../../../src/supervisor/local.ts'
import type { LocalSupervisor } from '../../../src/supervisor/local-port.ts'
import type { TaskSpec } from '../../../src/supervisor/port.ts'
import { buildShim, type Config, World } from './world.ts'

describe('the release of a task', () => {
  let world: World
  let supervisor: LocalSupervisor
  let runtime: string

  /** runc, which writes down what it is asked. */
  beforeAll(async () => {
    buildShim()
    world = new World()
    runtime = world.script(`echo "$@" >> ${join(world.execRoot, 'asked')}; exec runc "$@"`)
    supervisor = await openSupervisor(world.options)
  })
  afterAll(async () => {
    await supervisor[Symbol.asyncDispose]()
    world[Symbol.dispose]()
  })

  const task = (command: string, adapt?: (config: Config) => void): TaskSpec =>
    world.task(command, adapt === undefined ? { runtime } : { runtime, adapt })

  async function start({ id, ...rest }: TaskSpec): Promise<void> {
    await supervisor.startShim({ id, ...rest })
    await supervisor.awaitPid(id)
    await supervisor.startProcess(id)
  }

  /** The commands that the runtime got for a task. */
  const asked = (id: string): readonly string[] =>
    readFileSync(join(world.execRoot, 'asked'), 'utf8')
      .split('\n')
      .filter((line) => line.endsWith(id))
      .map((line) => /(create|start|delete) /.exec(line)?.[1] ?? line)

  const known = (): string =>
    execFileSync('runc', ['--root', world.options.runtimeRoot, 'list', '--quiet'], { encoding: 'utf8' })

  it('needs no runtime if the process has ended, and leaves nothing that the runtime would know', async () => {
    const ended = task('true')
    const running = task('sleep 1000')
    for (const each of [ended, running]) await start(each)
    await supervisor.wait(ended.id)
    expect(known()).toContain(ended.id)
    for (const { id } of [ended, running]) {
      await supervisor.delete(id)
      expect(asked(id)).toEqual(['create', 'start'])
      expect(world.remains(id)).toEqual([])
    }
    expect(known()).toBe('')
  })

  it('takes along what a process without a pid namespace of its own left running', async () => {
    const left = task('sleep 1000 & echo left', ({ linux }) => {
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
    })
    await start(left)
    await supervisor.wait(left.id)
    expect(world.cgroups(left.id).flatMap(members)).not.toEqual([])
    await supervisor.delete(left.id)
    expect(world.remains(left.id)).toEqual([])
  })

  it('asks the runtime if there is a hook to be run at the end', async () => {
    const trace = join(world.execRoot, 'hook-ran')
    const hooked = task('true', (config) => {
      config.hooks = { poststop: [{ path: '/bin/busybox', args: ['busybox', 'touch', trace] }] }
    })
    await start(hooked)
    await supervisor.wait(hooked.id)
    await supervisor.delete(hooked.id)
    expect(asked(hooked.id)).toEqual(['create', 'start', 'delete'])
    expect(existsSync(trace)).toBe(true)
    expect(world.remains(hooked.id)).toEqual([])
  })

  it('gives back a container that was made but never started', async () => {
    const created = task('true')
    await supervisor.startShim(created)
    await supervisor.awaitPid(created.id)
    await supervisor.delete(created.id)
    expect(world.remains(created.id)).toEqual([])
    expect(known()).toBe('')
  })
})

function members(group: string): readonly string[] {
  const list = join(group, 'cgroup.procs')
  return existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter(Boolean) : []
}
