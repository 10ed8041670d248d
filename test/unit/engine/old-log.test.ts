import { describe, expect, test as it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { fold, machineVersion, milestone, newLife, save } from '../../../machines/container-life.ts'
import { streamOf } from '../../../src/engine/registry.ts'
import { connect } from '../../../src/store/connection.ts'
import type { EventRow } from '../../../src/store/recorded.ts'
import type { Payload, Upcasts } from '../../../src/store/upcast.ts'
import { aSpec } from '../../fixtures/spec.ts'
import { brokenAt, type RecordedLog, readLogs, recordedState } from '../../replay/recorded-log.ts'
import { openTemporary, temporaryPath } from '../store/temporary-store.ts'
import { eventTypes, folded, openDaemon, origin, rebuild, reopen, run } from './daemon.ts'

interface OldSpec {
  readonly hostConfig: object
}

/**
 * The log in `upcast-example` was recorded by an engine that knew no --rm, called the stop's time-out `timeout`, and recorded an exit by the
 * status of wait(2), as text. Between that and today an exit had its code under `code`.
 */
const table: Upcasts = {
  ContainerCreated: [
    (old) => {
      const spec = old.spec as OldSpec
      return { ...old, spec: { ...spec, hostConfig: { ...spec.hostConfig, AutoRemove: false } } }
    },
  ],
  StopRequested: [({ timeout, ...rest }) => ({ ...rest, timeoutSeconds: timeout })],
  ProcessExited: [
    ({ status, ...rest }) => ({ ...rest, code: Number(status) >> 8 }),
    ({ code, ...rest }: Payload) => ({ ...rest, exitCode: code }),
  ],
}

function oldLog(): RecordedLog {
  const [log] = readLogs('upcast-example')
  if (log === undefined) throw new Error('the example is missing')
  return log
}

/** A database in which the rows lie as an old engine left them. */
async function databaseOf(rows: readonly EventRow[]): Promise<string> {
  const path = temporaryPath()
  await openTemporary({ path }).close()
  const connection = connect(path)
  const insert = connection.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  for (const { version, stream, type, schema, data, meta, hash } of rows)
    insert.run(version, stream, version, type, schema, data, meta, hash)
  connection.close()
  return path
}

const idOf = ({ rows }: RecordedLog): string => rows[0]?.stream.replace('container/', '') ?? ''

describe('A log with old event versions', () => {
  it('replays to the recorded states through the store', async () => {
    const log = oldLog()
    const store = openTemporary({ path: await databaseOf(log.rows), upcasts: table })
    const events = store.events.read<ContainerEvent>(streamOf(idOf(log)))
    let life = newLife()
    const states = events.map(({ event }) => {
      expect(life.can(event)).toBe(true)
      life = fold([event], life)
      return recordedState(life)
    })
    expect(states).toMatchObject(log.states)
    expect(new Set(events.map(({ schema }) => schema))).toEqual(new Set([1]))
  })

  it('stays as it was written, its hashes too', async () => {
    const log = oldLog()
    const store = openTemporary({ path: await databaseOf(log.rows), upcasts: table })
    expect(brokenAt(log.rows)).toBeUndefined()
    expect(store.events.verify()).toEqual({ events: log.rows.length, damage: undefined })
  })

  it('would lead elsewhere without the upcasts', async () => {
    const log = oldLog()
    const store = openTemporary({ path: await databaseOf(log.rows) })
    const events = store.events.read<ContainerEvent>(streamOf(idOf(log))).map(({ event }) => event)
    expect(recordedState(fold(events))).not.toEqual(log.states.at(-1))
  })

  it('is gone on with by the engine: what is new has the new versions', async () => {
    const log = oldLog()
    const id = idOf(log)
    const first = await openDaemon({ path: await databaseOf(log.rows), upcasts: table })
    rebuild(first)
    const daemon = await reopen(first)
    expect(daemon.engine.get('stop')).toMatchObject({ status: 'exited', state: { exitCode: 5 } })
    await daemon.engine.start('stop', origin)
    await daemon.engine.stop('stop', { timeoutSeconds: 3 }, origin)
    const requests = daemon.engine.history(id).filter(({ event }) => event.type === 'StopRequested')
    expect(requests.map(({ schema, event }) => [schema, event])).toEqual([
      [1, expect.objectContaining({ timeoutSeconds: 10 })],
      [2, expect.objectContaining({ timeoutSeconds: 3 })],
    ])
    expect(daemon.store.events.verify().damage).toBeUndefined()
  })
})

/** What another machine would have made of the same events. */
const wrong = save(fold([{ type: 'ContainerCreated', id: 'x', name: 'wrong', spec: aSpec() }]))

describe('A snapshot', () => {
  async function restartWith(version: number) {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.engine.stop(id, {}, origin)
    const head = eventTypes(daemon, id).length
    daemon.store.events.saveSnapshot(streamOf(id), head, version, wrong)
    const again = await reopen(daemon)
    await again.engine.rename(id, 'renamed', origin)
    return { again, id }
  }

  it('of an older machine is passed over: the log is folded from its beginning', async () => {
    const { again, id } = await restartWith(machineVersion - 1)
    expect(again.engine.get(id)).toMatchObject({ name: 'renamed', milestone: 'exited' })
    expect(again.engine.get(id).context).toEqual(folded(again, id).context)
  })

  it('of a newer machine too', async () => {
    const { again, id } = await restartWith(machineVersion + 1)
    expect(again.engine.get(id).milestone).toBe('exited')
  })

  it('of this machine is believed', async () => {
    const { again, id } = await restartWith(machineVersion)
    expect(milestone(save(folded(again, id)).value)).toBe('exited')
    expect(again.engine.get(id).milestone).toBe('created')
  })
})
