import { readdirSync } from 'node:fs'
import { describe, expect, test as it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { evolve, type Life, machineVersion, newLife } from '../../../machines/container-life.ts'
import { recordedEvent } from '../../../src/store/recorded.ts'
import { currentSchema, upcasts } from '../../../src/store/upcast.ts'
import { activeStates, eventTypesOfMachine, statesOfMachine } from '../../replay/machine-parts.ts'
import {
  brokenAt,
  logsRoot,
  type RecordedLog,
  type RecordedState,
  readLogs,
  recordedState,
} from '../../replay/recorded-log.ts'

const directories = readdirSync(logsRoot).filter((name) => /^\d+$/.test(name))
const recordAnew = 'run `npm run record:logs`, see test/replay/record.ts'

const eventsOf = (log: RecordedLog): readonly ContainerEvent[] =>
  log.rows.map((row) => recordedEvent<ContainerEvent>(row, upcasts).event)

/** The state after each event, or the number of the event that the state before it does not accept. */
function replay(log: RecordedLog): readonly (RecordedState | number)[] {
  let life: Life = newLife()
  return eventsOf(log).map((event, index) => {
    const accepted = life.can(event)
    life = evolve(life, event)
    return accepted ? recordedState(life) : index + 1
  })
}

describe.each(directories)('The logs that machine %s recorded', (directory) => {
  const logs = readLogs(directory)

  it.each(logs)('$name: is as it was written', (log) => {
    expect(log.header).toMatchObject({ format: 'tallyman-log', formatVersion: 1 })
    expect(log.header.machineVersion).toBe(Number(directory))
    expect(log.rows.length).toBeGreaterThan(1)
    expect(brokenAt(log.rows)).toBeUndefined()
  })

  /** What newer machines remember beside it is theirs; what was recorded must come out again. */
  it.each(logs)('$name: replays to the recorded states, each event accepted', (log) => {
    const replayed = replay(log)
    expect(replayed).toHaveLength(log.states.length)
    expect(replayed).toMatchObject(log.states)
  })
})

describe('The logs of today’s machine', () => {
  const logs = directories.includes(String(machineVersion)) ? readLogs(String(machineVersion)) : []
  const seen = <T>(pick: (log: RecordedLog) => readonly T[]) => [...new Set(logs.flatMap(pick))].sort()

  it('are there', () => {
    expect(logs.length, recordAnew).toBeGreaterThan(0)
  })

  it('have every event that the machine knows', () => {
    expect(
      seen(({ rows }) => rows.map(({ type }) => type)),
      recordAnew,
    ).toEqual(eventTypesOfMachine())
  })

  it('have every state that the machine has', () => {
    const states = seen((log) => log.states.flatMap(({ value }) => activeStates(value)))
    expect(states, recordAnew).toEqual(statesOfMachine())
  })

  it('have the shapes in which events are recorded today', () => {
    for (const { name, rows } of logs)
      for (const { type, schema } of rows)
        expect([name, type, schema], recordAnew).toEqual([name, type, currentSchema(upcasts, type)])
  })

  /** A snapshot of the same machine version is taken as it is, so it must have all that the machine remembers. */
  it.each(logs)('$name: leads to these very states, or machineVersion has to be raised', (log) => {
    expect(replay(log)).toEqual(log.states)
  })
})
