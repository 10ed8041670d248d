import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { isAlive, parseStat, startTicks } from '../../../src/kernel/process-identity.ts'

const afterComm = (state: string, ticks: string): string =>
  `${state} 1 7 7 0 -1 4194560 9 0 0 0 1 2 0 0 20 0 1 0 ${ticks} 1000 2 18446744073709551615`

describe('parseStat', () => {
  it('is not misled by spaces and parentheses in the command name', () => {
    expect(parseStat(`7 (a) S 1 (b c) ${afterComm('R', '4711')}`)).toEqual({ state: 'R', startTicks: '4711' })
  })
})

describe('isAlive', () => {
  it('is true for this very process and false for another one with its pid', () => {
    const ticks = startTicks(process.pid) ?? ''
    expect(isAlive({ pid: process.pid, startTicks: ticks })).toBe(true)
    expect(isAlive({ pid: process.pid, startTicks: `${ticks}0` })).toBe(false)
  })

  it('is false once the process has ended', async () => {
    const child = spawn('sleep', ['60'])
    const identity = { pid: child.pid ?? 0, startTicks: startTicks(child.pid ?? 0) ?? '' }
    expect(isAlive(identity)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isAlive(identity)).toBe(false)
    expect(startTicks(identity.pid)).toBeUndefined()
  })

  it('is false for a process that has ended but that nobody has waited for', async () => {
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'])
    const [line] = await once(parent.stdout, 'data')
    const pid = Number(String(line))
    await until(async () => (await readFile(`/proc/${parent.pid}/comm`, 'utf8')) === 'sleep\n')
    process.kill(pid, 'SIGKILL')
    await until(async () => parseStat(await readFile(`/proc/${pid}/stat`, 'utf8')).state === 'Z')
    expect(isAlive({ pid, startTicks: startTicks(pid) ?? '' })).toBe(false)
    parent.kill('SIGKILL')
    await once(parent, 'exit')
  })
})

/** The test's time limit ends it otherwise. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await turn()
}
