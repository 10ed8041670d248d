/** A fault point as the matrix knows it: its name and the scenario in which it is reached. */
import type { ScenarioName } from './scenarios.ts'

export interface Point {
  readonly name: string
  readonly scenario: ScenarioName
}

const sides = ['before', 'after'] as const

/** The points before and after each step of a group. */
export const both = (group: string, table: Readonly<Record<string, ScenarioName>>): readonly Point[] =>
  Object.entries(table).flatMap(([step, scenario]) =>
    sides.map((side) => ({ name: `${group}.${step}.${side}`, scenario })),
  )
