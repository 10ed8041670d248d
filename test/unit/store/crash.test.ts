import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, test as it, onTestFinished } from 'vitest'
import { openTemporary, temporaryPath } from './temporary-store.ts'

const script = new URL('append-for-ever.ts', import.meta.url).pathname

function appendForEver(path: string): ChildProcess {
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Kills the child after it has said `count` times that an append returned. @returns what it said last, also while it died. */
async function lastSaid(child: ChildProcess, count: number): Promise<number> {
  if (child.stdout === null) throw new Error('no stdout')
  let last = 0
  for await (const line of createInterface(child.stdout)) {
    last = Number(line)
    if (last >= count) child.kill('SIGKILL')
  }
  return last
}

describe('SIGKILL while appending', () => {
  it('loses no append that returned', async () => {
    const path = temporaryPath()
    for (const target of [300, 900]) {
      const child = appendForEver(path)
      const closed = once(child, 'close')
      const said = await lastSaid(child, target)
      await closed
      const store = openTemporary({ path })
      const head = store.events.head()
      expect(said).toBeGreaterThanOrEqual(target)
      expect(head).toBeGreaterThanOrEqual(said)
      expect(store.events.verify()).toEqual({ events: head, damage: undefined })
      expect([...store.messages.range({})].map(({ position }) => position)).toEqual(
        Array.from({ length: head }, (_, index) => index + 1),
      )
      await store.close()
    }
  })
})
