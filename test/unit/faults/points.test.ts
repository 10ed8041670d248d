import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { containerMachine } from '../../../machines/container.ts'
import { execMachine } from '../../../machines/exec.ts'
import { enginePoints } from '../../faults/points.ts'
import { shimPoints } from '../../faults/shim-points.ts'
import { supervisorPoints } from '../../faults/supervisor-points.ts'

const source = join(import.meta.dirname, '../../../src')

/** What the expression's first group finds in the files of a directory. */
function named(directory: string, ending: string, expression: RegExp): readonly string[] {
  const files = readdirSync(join(source, directory)).filter((name) => name.endsWith(ending))
  const texts = files.map((name) => readFileSync(join(source, directory, name), 'utf8'))
  const found = texts.flatMap((text) => [...text.matchAll(expression)].map(([, name = '']) => name))
  return [...new Set(found)].sort()
}

const between = (group: string, names: readonly string[]): readonly string[] =>
  names.flatMap((name) => [`${group}.${name}.after`, `${group}.${name}.before`]).sort()

const sorted = (points: readonly { readonly name: string }[]): readonly string[] =>
  points.map(({ name }) => name).sort()

describe('the matrix of fault points', () => {
  it('has every step of the shim', () => {
    const steps = named('shim', '.c', /(?:take_step|tell_word|tell_number|fault_before)\("([^"]+)"/g)
    const names = steps.map((step) => step.replaceAll(' ', '-'))
    expect(sorted(shimPoints)).toEqual(between('shim', names))
  })

  it('has every operation and every step of the supervisor', () => {
    const operations = named('supervisor', 'fault-points.ts', /^ {2}'(\w+)',$/gm)
    const steps = named('supervisor', '.ts', /(?:'supervisor\.|\bstep\(')(\w+)(?:\.before)?'/g)
    expect(operations.length).toBeGreaterThan(10)
    expect(sorted(supervisorPoints)).toEqual(between('supervisor', [...operations, ...steps]))
  })

  it('has every event of the machines', () => {
    const all = [...containerMachine.events, ...execMachine.events]
    const events = all.filter((type) => /^[A-Z]/.test(type))
    const appended = sorted(enginePoints).filter((name) => name.startsWith('append.'))
    expect(appended).toEqual(between('append', events))
  })

  it('names no point twice', () => {
    const all = sorted([...enginePoints, ...supervisorPoints, ...shimPoints])
    expect(all).toEqual([...new Set(all)])
  })
})
