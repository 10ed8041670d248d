import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test as it } from 'vitest'
import { checkpoints } from '../../../src/store/checkpoint.ts'
import { connect } from '../../../src/store/connection.ts'
import { temporaryPath } from './temporary-store.ts'

/** A database with a table, and a way to commit to it. */
function database(durable: () => Promise<void> = async () => undefined) {
  const path = temporaryPath()
  const connection = connect(path)
  connection.exec('CREATE TABLE t (x TEXT) STRICT')
  const fatal: unknown[] = []
  const onFatal = (error: unknown) => fatal.push(error)
  const limits = { due: 10, overdue: 40, quietMilliseconds: 15 }
  const checkpoint = checkpoints(connection, { durable, onFatal, ...limits })
  const insert = connection.prepare('INSERT INTO t VALUES (?)')
  const commit = (times: number) => {
    for (let commits = 0; commits < times; commits++) {
      insert.run('x'.repeat(3000))
      checkpoint.wrote()
    }
  }
  const empty = statSync(path).size
  const copied = () => statSync(path).size > empty
  return { path, connection, checkpoint, commit, copied, fatal }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2)
}

describe('checkpoints', () => {
  it('wait for a quiet moment once they are due', async () => {
    const { connection, commit, copied } = database()
    commit(10)
    expect(copied()).toBe(false)
    await until(copied)
    connection.close()
  })

  it('do not wait for ever', async () => {
    const { connection, commit, copied } = database()
    commit(40)
    await Promise.resolve()
    expect(copied()).toBe(true)
    connection.close()
  })

  it('let the WAL start anew, so that it does not grow for ever', async () => {
    const { path, connection, commit } = database()
    const sizes: number[] = []
    for (let round = 0; round < 5; round++) {
      commit(40)
      await Promise.resolve()
      sizes.push(statSync(`${path}-wal`).size)
    }
    expect(sizes.at(-1)).toBeLessThan(2 * (sizes[0] ?? 0))
    connection.close()
  })

  it('come after the flush, and not at all if it failed or the store was closed meanwhile', async () => {
    let end: () => void = () => undefined
    const slow = database(
      () =>
        new Promise((resolve) => {
          end = resolve
        }),
    )
    slow.commit(40)
    await Promise.resolve()
    expect(slow.copied()).toBe(false)
    slow.checkpoint.finish()
    slow.connection.close()
    end()
    const broken = database(() => Promise.reject(new Error('EIO')))
    broken.commit(40)
    await sleep(1)
    expect(broken.copied()).toBe(false)
    broken.connection.close()
    expect([...slow.fatal, ...broken.fatal]).toEqual([])
  })

  it('empty the WAL when the store is closed', () => {
    const { path, connection, checkpoint, commit } = database()
    commit(3)
    checkpoint.finish()
    expect(statSync(`${path}-wal`).size).toBe(0)
    connection.close()
  })
})
