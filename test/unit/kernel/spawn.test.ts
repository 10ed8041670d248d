import { closeSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFifo, openFifo, openFifoReader } from '../../../src/kernel/fifo.ts'
import { isAlive, startTicks } from '../../../src/kernel/process-identity.ts'
import { memoryFile, reap, run, spawnDetached } from '../../../src/kernel/spawn.ts'

const never = new AbortController().signal
const environment = { PATH: '/usr/bin:/bin', WORD: 'two words' }
const shell = (script: string): readonly string[] => ['sh', '-c', script]
let printed: number

beforeEach(() => {
  printed = memoryFile('printed')
})
afterEach(() => closeSync(printed))

const output = (): string => {
  const buffer = Buffer.alloc(4096)
  return buffer.toString('utf8', 0, readSync(printed, buffer, 0, buffer.length, 0))
}

describe('run', () => {
  it('tells the exit code, or 128 and the signal', async () => {
    expect(await run({ words: shell('exit 7'), environment }, never)).toBe(7)
    expect(await run({ words: shell('kill -KILL $$'), environment }, never)).toBe(137)
  })

  it('tells many ends, each to who waits for it', async () => {
    const codes = Array.from({ length: 40 }, (_, code) => code)
    const runs = codes.map((code) => run({ words: shell(`exit ${code}`), environment }, never))
    expect(await Promise.all(runs)).toEqual(codes)
  })

  it('makes no thread for a program, and gives back what it held for it', async () => {
    const held = (): number[] => ['task', 'fd'].map((name) => readdirSync(`/proc/self/${name}`).length)
    const cancel = new AbortController()
    const before = held()
    const script = shell('trap exit TERM; echo; while :; do sleep 0.01; done')
    const runs = Array.from({ length: 30 }, () =>
      run({ words: script, environment, stdout: printed }, cancel.signal),
    )
    await expect.poll(() => output().length, { timeout: 30_000 }).toBe(30)
    const [threads] = held()
    cancel.abort(new Error('enough'))
    await Promise.allSettled(runs)
    expect(threads).toBe(before[0])
    await expect.poll(held, { timeout: 30_000 }).toEqual(before)
  }, 60_000)

  it('says what could not be started, and why', async () => {
    const missing = run({ words: ['/tally-nowhere/x'], environment }, never)
    await expect(missing).rejects.toThrow(/ENOENT.*\/tally-nowhere\/x/)
    await expect(run({ words: ['/etc/passwd'], environment }, never)).rejects.toMatchObject({
      code: 'EACCES',
    })
  })

  it('passes the environment, the two streams, and nothing else', async () => {
    const words = shell('echo "$WORD"; env | wc -l; echo oops >&2; pwd; ls /proc/$$/fd')
    await run({ words, environment, stdout: printed, stderr: printed }, never)
    // PATH, WORD and the shell's own PWD.
    expect(output().split('\n')).toEqual(['two words', '3', 'oops', '/', '0', '1', '2', ''])
  })

  it('lets the program begin with no signal blocked or ignored', async () => {
    await run(
      { words: ['grep', '-E', 'Sig(Blk|Ign)', '/proc/self/status'], environment, stdout: printed },
      never,
    )
    expect(output()).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n')
  })

  it('sends SIGTERM and waits no longer when the signal aborts', async () => {
    const cancel = new AbortController()
    const words = shell('trap "echo told; exit" TERM; echo ready; while :; do sleep 0.01; done')
    const running = run({ words, environment, stdout: printed }, cancel.signal)
    await expect.poll(output).toBe('ready\n')
    cancel.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    await expect.poll(output).toBe('ready\ntold\n')
  })

  it('ends a program that it was told to abort before it had started', async () => {
    const path = join(tmpdir(), `tally-spawn-${process.pid}`)
    makeFifo(path, 0o600)
    const alive = openFifoReader(path)
    const stdout = openFifo(path, 'write')
    rmSync(path)
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(run({ words: ['sleep', '1000'], environment, stdout }, signal)).rejects.toThrow('too late')
    closeSync(stdout)
    expect(await text(alive)).toBe('')
  })
})

describe('spawnDetached', () => {
  it('starts a program in a session of its own, and leaves its end to be reaped', async () => {
    const pid = await spawnDetached({ words: shell('exit 3'), environment })
    const process = { pid, startTicks: startTicks(pid) ?? '' }
    await expect.poll(() => isAlive(process)).toBe(false)
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    expect([stat[0], Number(stat[3])]).toEqual(['Z', pid])
    await reap(pid)
    expect(startTicks(pid)).toBeUndefined()
  })

  it('does not wait for what is no child', async () => {
    await expect(reap(1)).resolves.toBeUndefined()
  })

  it('says what could not be started', async () => {
    await expect(spawnDetached({ words: ['/tally-nowhere/x'], environment })).rejects.toThrow(/ENOENT/)
  })
})
