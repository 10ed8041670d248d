import fc from 'fast-check'
import { describe, expect, test as it } from 'vitest'
import { groupFlush } from '../../../src/store/flush.ts'

/** A disk whose flushes end when the test says so. */
function slowDisk() {
  const running: { end: () => void; fail: (error: Error) => void }[] = []
  let begun = 0
  const flush = () => {
    begun++
    return new Promise<void>((end, fail) => {
      running.push({ end, fail })
    })
  }
  return { flush, begun: () => begun, running }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('group commit', () => {
  it('flushes once at first, for what an earlier process left, and not again without a write', async () => {
    const disk = slowDisk()
    const group = groupFlush(disk.flush)
    const first = group.durable()
    disk.running.shift()?.end()
    await first
    await group.durable()
    expect(disk.begun()).toBe(1)
  })

  it('serves fifty callers with two flushes, one at a time', async () => {
    const disk = slowDisk()
    const group = groupFlush(disk.flush)
    const waiting = Array.from({ length: 50 }, () => {
      group.wrote()
      return group.durable()
    })
    expect(disk.running).toHaveLength(1)
    disk.running.shift()?.end()
    await waiting[0]
    await settled()
    expect(disk.running).toHaveLength(1)
    disk.running.shift()?.end()
    await Promise.all(waiting)
    expect(disk.begun()).toBe(2)
  })

  it('lets a caller share the running flush if nothing was written since it began', async () => {
    const disk = slowDisk()
    const group = groupFlush(disk.flush)
    const both = [group.durable(), group.durable()]
    disk.running.shift()?.end()
    await Promise.all(both)
    expect(disk.begun()).toBe(1)
  })

  it('fails all who wait and all who come later when a flush fails', async () => {
    const disk = slowDisk()
    const group = groupFlush(disk.flush)
    const first = group.durable()
    group.wrote()
    const second = group.durable()
    disk.running.shift()?.fail(new Error('EIO'))
    await expect(first).rejects.toThrow('EIO')
    await expect(second).rejects.toThrow('EIO')
    await expect(group.durable()).rejects.toThrow('EIO')
    expect(disk.begun()).toBe(1)
  })

  it('never answers before a flush that began after the write has ended, and never runs two at a time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('write', 'ask', 'end'), { maxLength: 60 }), async (steps) => {
        let written = 1
        let onDisk = 0
        let most = 0
        const running: (() => void)[] = []
        const group = groupFlush(async () => {
          const covers = written
          await new Promise<void>((resolve) => {
            running.push(resolve)
            most = Math.max(most, running.length)
          })
          onDisk = Math.max(onDisk, covers)
        })
        const asked: Promise<void>[] = []
        const ask = async (needs: number) => {
          await group.durable()
          expect(onDisk).toBeGreaterThanOrEqual(needs)
        }
        for (const step of steps) {
          if (step === 'write') {
            written++
            group.wrote()
          }
          if (step === 'ask') asked.push(ask(written))
          if (step === 'end') {
            running.shift()?.()
            await settled()
          }
        }
        const all = Promise.all(asked)
        for (let rest = 0; rest < 3; rest++) {
          running.shift()?.()
          await settled()
        }
        await all
        expect(most).toBeLessThanOrEqual(1)
      }),
      { numRuns: 100 },
    )
  })
})
