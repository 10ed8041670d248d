/** All rows: every point with everything that can go wrong at it. */
import { enginePoints } from './points.ts'
import type { FaultName, Row } from './row.ts'

const inOneProcess: readonly FaultName[] = ['kill', 'error', 'delay', 'shim', 'runc']

/** Of the daemon that has its supervisor inside first, then of the one that has not. */
export function matrix(): readonly Row[] {
  return [
    ...enginePoints.flatMap((point) =>
      inOneProcess.map((fault): Row => ({ point, fault, twoProcesses: false })),
    ),
    ...enginePoints
      .filter(({ scenario }) => scenario !== 'reboot')
      .map((point): Row => ({ point, fault: 'supervisor', twoProcesses: true })),
  ]
}
