import Database from 'better-sqlite3'
import { describe, expect, test as it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { TallyError } from '../../../src/errors.ts'
import { openAppender } from '../../../src/store/appender.ts'
import { connect } from '../../../src/store/connection.ts'
import { guardWith } from '../../../src/store/errors.ts'
import { migrate } from '../../../src/store/migrate.ts'
import { openReader } from '../../../src/store/reader.ts'
import { temporaryPath } from './temporary-store.ts'

const migrations = new URL('../../../migrations', import.meta.url).pathname

describe('a full disk', () => {
  it('refuses the append with one sentence, keeps nothing of it and is not fatal', () => {
    const connection = connect(temporaryPath())
    migrate(connection, migrations, systemClock.now())
    const fatal: unknown[] = []
    const guard = guardWith((error) => fatal.push(error))
    const { append } = openAppender(connection, { clock: systemClock, bootId: 'b', upcasts: {} })
    const { head, read } = openReader(connection, guard, {})
    const events = Array.from({ length: 50 }, () => ({ type: 'Filled', with: 'x'.repeat(1000) }))
    const fill = () => guard(() => append({ stream: 's', expectedVersion: read('s').length, events }))
    fill()
    connection.pragma(`max_page_count = ${connection.pragma('page_count', { simple: true })}`)
    expect(fill).toThrow(new TallyError('unavailable', 'no space left on device: the event log cannot grow'))
    expect([head(), connection.inTransaction, fatal]).toEqual([50, false, []])
    connection.pragma('max_page_count = 100000')
    fill()
    expect(head()).toBe(100)
    connection.close()
  })
})

describe('the guard', () => {
  it.each(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR', 'SQLITE_CORRUPT', 'SQLITE_NOTADB'])(
    'calls %s fatal',
    (code) => {
      const fatal: unknown[] = []
      const error = new Database.SqliteError('broken', code)
      const fail = () => {
        throw error
      }
      expect(() => guardWith((fatalError) => fatal.push(fatalError))(fail)).toThrow(error)
      expect(fatal).toEqual([error])
    },
  )

  it.each([
    ['read-only file system', 'SQLITE_IOERR_WRITE', true],
    ['read-only file system', 'SQLITE_IOERR_FSYNC', false],
    [undefined, 'SQLITE_IOERR_WRITE', false],
  ])('with a file system that says %s takes %s for a refusal: %s', (reason, code, refused) => {
    const fatal: unknown[] = []
    const error = new Database.SqliteError('disk I/O error', code)
    const guard = guardWith(
      (fatalError) => fatal.push(fatalError),
      () => reason,
    )
    const fail = () =>
      guard(() => {
        throw error
      })
    expect(fail).toThrow(refused ? 'read-only file system: the event log cannot grow' : error)
    expect(fatal).toEqual(refused ? [] : [error])
  })

  it('lets other errors through', () => {
    const fatal: unknown[] = []
    const fail = () => {
      throw new Error('a bug')
    }
    expect(() => guardWith((error) => fatal.push(error))(fail)).toThrow('a bug')
    expect(fatal).toEqual([])
  })
})
