/** The supervisor's fault points: its operations, and the steps of which they are made. test/unit/faults/points.test.ts holds them against the sources. */
import { both, type Point } from './point.ts'
import type { ScenarioName } from './scenarios.ts'

export const operations: Readonly<Record<string, ScenarioName>> = {
  startShim: 'life',
  startExec: 'exec',
  awaitPid: 'life',
  startProcess: 'life',
  wait: 'life',
  kill: 'life',
  killAll: 'wide signal',
  pause: 'freeze',
  resume: 'freeze',
  delete: 'life',
  closeStdin: 'typing',
  attachOutput: 'attach',
  resize: 'terminal',
  update: 'update',
}

export const steps: Readonly<Record<string, ScenarioName>> = {
  adopt: 'takeover',
  makeDirectory: 'life',
  makeExecDirectory: 'exec',
  spawnShim: 'life',
  recordShim: 'life',
  recordPid: 'life',
  runtimeStart: 'life',
  recordStart: 'life',
  endProcesses: 'life',
  killCgroup: 'life',
  endShims: 'life',
  forget: 'life',
  removeDirectory: 'life',
  abandon: 'lost shim',
  recordExit: 'lost shim',
}

export const supervisorPoints: readonly Point[] = both('supervisor', { ...operations, ...steps })
