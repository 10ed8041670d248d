import { describe, expect, test as it } from 'vitest'
import { checkPsArgs, processTable } from '../../../src/engine/process-table.ts'

describe('A table of processes', () => {
  it('has those of the container only, the last column with its blanks', () => {
    const output = 'UID   PID  CMD\nroot    7  sh -c  sleep 1\nroot   17  sleep 1\n'
    expect(processTable(output, new Set([7]))).toEqual({
      titles: ['UID', 'PID', 'CMD'],
      processes: [['root', '7', 'sh -c sleep 1']],
    })
  })

  it('has the threads of a process below it', () => {
    const output = 'PID COMMAND\n7 node\n- -\n- -\n8 sh\n- -\n'
    expect(processTable(output, new Set([7])).processes).toEqual([
      ['7', 'node'],
      ['-', '-'],
      ['-', '-'],
    ])
  })

  it.each([
    ['COMMAND\nsh\n', "Couldn't find PID field in ps output"],
    ['', "Couldn't find PID field in ps output"],
    ['PID CMD\nseven sh\n', "Unexpected pid 'seven'"],
  ])('is not made of %j', (output, message) => {
    expect(() => processTable(output, new Set([7]))).toThrow(message)
  })
})

describe('Options of ps', () => {
  it.each(['-ef', 'aux', '-o pid=PID', '-o pid,comm'])('%s are taken', (args) => {
    expect(() => checkPsArgs(args)).not.toThrow()
  })

  it.each([
    ['-o comm=PID', 'specifying "comm=PID" is not allowed'],
    ['-o pid=PID -o args= PIDS', 'specifying "args=PIDS" is not allowed'],
  ])('%s are refused', (args, message) => {
    expect(() => checkPsArgs(args)).toThrow(message)
  })
})
