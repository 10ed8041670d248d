import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { build, shims } from './build.ts'
import { Task, type TaskOptions } from './task.ts'
import { until } from './until.ts'

beforeAll(build)

const withFault = (fault: string, options: TaskOptions): Task =>
  new Task({ ...options, environment: { TALLY_FAULT: fault } })

/** What the shim told of the point that it reached. */
const reached = ({ root }: Task): string | undefined => {
  const path = join(root, 'faults')
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

describe.each(shims)('%s', (shim) => {
  it('dies at a point, and says so first', async () => {
    await using task = withFault('shim.write-exit-status.before:1:kill', { shim, script: 'exit 7' })
    await task.start()
    await task.hungUp()
    expect(reached(task)).toBe(`shim.write-exit-status.before ${task.process.pid}\n`)
    expect(await until(() => task.process.signalCode ?? undefined)).toBe('SIGKILL')
    expect(task.file('exit-status')).toBeUndefined()
  })

  it('fails a step as the kernel might', async () => {
    await using task = withFault('shim.open-control.after:1:error', { shim })
    await task.line(/^failed$/)
    expect(task.shimErrors()).toMatchObject([{ step: 'open control', errno: 5 }])
  })

  it('goes on after a delay', async () => {
    await using task = withFault('shim.tell-pid.before:1:delay=300', { shim, script: 'exit 3' })
    await until(() => reached(task))
    expect(task.lines()).not.toContainEqual(expect.stringMatching(/^pid /))
    await task.start()
    expect(await task.ended()).toMatchObject({ exitCode: 3 })
  })

  it('counts how often the point is reached', async () => {
    await using task = withFault('shim.write-log.before:2:error', {
      shim,
      script: 'echo one; usleep 200000; echo two; usleep 200000; echo three',
    })
    await task.run()
    expect(task.logged('stdout')).toBe('one\nthree\n')
    expect(task.shimErrors()).toMatchObject([{ step: 'write log', errno: 5 }])
  })

  it('heeds no point of another process and gives the runtime and the container no word of it', async () => {
    const runtime = join(import.meta.dirname, 'show-environment.sh')
    await using task = withFault('perform.startShim.before:1:kill', { shim, runtime, script: 'env' })
    await task.line(/^failed$/)
    expect(task.shimErrors()[0]?.msg).toMatch(/PATH=/)
    expect(task.shimErrors()[0]?.msg).not.toMatch(/TALLY/)
    expect(reached(task)).toBeUndefined()
  })
})
