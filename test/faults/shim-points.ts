/** The shim's fault points, in the order in which a shim comes by them. test/unit/faults/points.test.ts holds them against the sources. */
import { both, type Point } from './point.ts'
import type { ScenarioName } from './scenarios.ts'

export const shimSteps: Readonly<Record<string, ScenarioName>> = {
  'set-up-process': 'one run',
  'open-directory': 'one run',
  'open-exit': 'one run',
  'open-control': 'one run',
  'open-log': 'one run',
  'open-stdin': 'one run',
  'open-stdout': 'one run',
  'open-stderr': 'one run',
  'open-terminal': 'terminal',
  'exec-runtime': 'one run',
  'tell-ready': 'one run',
  'open-error-log': 'one run',
  'read-pid': 'one run',
  'receive-terminal': 'terminal',
  'watch-oom': 'one run',
  'tell-pid': 'one run',
  'tell-failed': 'failing start',
  'attach-stdout': 'attach',
  'attach-stderr': 'attach',
  'close-stdin': 'typing',
  resize: 'terminal',
  'write-log': 'one run',
  'rotate-log': 'long log',
  'write-oom': 'out of memory',
  'tell-oom': 'out of memory',
  'complete-log': 'one run',
  'write-exit-status': 'one run',
  'tell-exited': 'one run',
  'see-off-readers': 'one run',
}

export const shimPoints: readonly Point[] = both('shim', shimSteps)
