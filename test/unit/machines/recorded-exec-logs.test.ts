import { describe, expect, test as it } from 'vitest'
import { getStateNodes } from 'xstate/graph'
import { execMachine } from '../../../machines/exec.ts'
import type { ExecEvent } from '../../../machines/exec-events.ts'
import { type ExecLife, evolveExec, newExecLife } from '../../../machines/exec-life.ts'
import { recordedEvent } from '../../../src/store/recorded.ts'
import { currentSchema, upcasts } from '../../../src/store/upcast.ts'
import { type RecordedExecLog, readExecLogs, recordedExecState } from '../../replay/recorded-exec-log.ts'
import { brokenAt } from '../../replay/recorded-log.ts'

const recordAnew = 'run `npm run record:logs`, see test/replay/record-execs.ts'
const logs = readExecLogs()

/** The state after each event, or the number of the event that the state before it does not accept. */
function replay({ rows }: RecordedExecLog) {
  let life: ExecLife = newExecLife()
  return rows.map((row, index) => {
    const { event } = recordedEvent<ExecEvent>(row, upcasts)
    const accepted = life.can(event)
    life = evolveExec(life, event)
    return accepted ? recordedExecState(life) : index + 1
  })
}

describe('The recorded logs of execs', () => {
  it.each(logs)('$name: is as it was written', ({ header, rows }) => {
    expect(header).toMatchObject({ format: 'tallyman-log', formatVersion: 1, machineVersion: 1 })
    expect(brokenAt(rows)).toBeUndefined()
  })

  it.each(logs)('$name: replays to the recorded states, each event accepted', (log) => {
    expect(replay(log)).toEqual(log.states)
  })

  it('have every event that the machine knows', () => {
    const seen = new Set(logs.flatMap(({ rows }) => rows.map(({ type }) => type)))
    expect([...seen].sort(), recordAnew).toEqual([...execMachine.events].sort())
  })

  it('have every state that the machine has', () => {
    const seen = new Set(logs.flatMap(({ states }) => states.map(({ value }) => value)))
    const all = getStateNodes(execMachine).map(({ key }) => key)
    expect([...seen].sort(), recordAnew).toEqual(all.filter((key) => key !== 'absent').sort())
  })

  it('have the shapes in which events are recorded today', () => {
    for (const { name, rows } of logs)
      for (const { type, schema } of rows)
        expect([name, type, schema], recordAnew).toEqual([name, type, currentSchema(upcasts, type)])
  })
})
