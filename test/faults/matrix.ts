/** All rows: every point with everything that can go wrong at it. */

import type { Point } from './point.ts'
import { enginePoints } from './points.ts'
import type { FaultName, Row } from './row.ts'
import { shimPoints } from './shim-points.ts'
import { supervisorPoints } from './supervisor-points.ts'

/** `kill` ends who reaches the point; the others are killed while it is held. */
const inOneProcess: readonly FaultName[] = ['kill', 'error', 'delay', 'shim', 'runc']

/** Of the daemon that has its supervisor inside, unless the row says `two-processes`. */
export function matrix(): readonly Row[] {
  return [
    ...rows(enginePoints, inOneProcess, ['supervisor']),
    ...rows(supervisorPoints, inOneProcess, ['kill', 'daemon']),
    ...rows(shimPoints, ['kill', 'error', 'delay', 'daemon', 'runc'], ['supervisor']),
  ]
}

function rows(points: readonly Point[], inOne: readonly FaultName[], inTwo: readonly FaultName[]): Row[] {
  const of = (twoProcesses: boolean) => (point: Point) =>
    (twoProcesses ? inTwo : inOne).map((fault): Row => ({ point, fault, twoProcesses }))
  return [
    ...points.flatMap(of(false)),
    ...points.filter(({ scenario }) => scenario !== 'reboot').flatMap(of(true)),
  ]
}
