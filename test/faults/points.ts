/** The fault points that the matrix goes through, each with the scenario in which it is reached. A new event or effect does not compile without one. */
import type { ContainerEventType, LaunchStep } from '../../machines/container-events.ts'
import type { EffectType } from '../../machines/container-life.ts'
import type { ExecEventType } from '../../machines/exec-events.ts'
import type { ExecEffect } from '../../machines/exec-life.ts'
import type { VolumeEvent, VolumesEvent } from '../../machines/volume-events.ts'
import { both, type Point } from './point.ts'
import type { ScenarioName } from './scenarios.ts'

const events: Readonly<Record<ContainerEventType, ScenarioName>> = {
  ContainerCreated: 'life',
  ContainerRenamed: 'rename',
  StartRequested: 'life',
  RootfsMounted: 'life',
  BundlePrepared: 'life',
  ShimStarted: 'life',
  PidRecorded: 'life',
  ProcessStarted: 'life',
  StepFailed: 'failing start',
  StopRequested: 'life',
  StopDeadlinePassed: 'stubborn',
  KillDeadlinePassed: 'stuck',
  KillRequested: 'life',
  RestartRequested: 'restart',
  SignalSent: 'life',
  SignalFailed: 'late signal',
  PauseRequested: 'freeze',
  Paused: 'freeze',
  PauseFailed: 'late pause',
  ResumeRequested: 'freeze',
  Resumed: 'freeze',
  ResumeFailed: 'late resume',
  RestartDue: 'policy',
  UpdateRequested: 'new limits',
  LimitsApplied: 'new limits',
  LimitsRefused: 'late limits',
  OomKilled: 'out of memory',
  ProcessExited: 'life',
  HostRebooted: 'reboot',
  Released: 'life',
  RemoveRequested: 'forced removal',
  Removed: 'life',
  Attached: 'attach',
  Detached: 'terminal',
  TerminalResized: 'terminal',
  PathArchived: 'files',
  ArchiveExtracted: 'files',
  Exported: 'files',
  Committed: 'files',
  ProcessesListed: 'top',
}

const execEvents: Readonly<Record<ExecEventType, ScenarioName>> = {
  ExecCreated: 'exec',
  ExecStartRequested: 'exec',
  ExecStarted: 'exec',
  ExecExited: 'exec',
  ExecFailed: 'failing exec',
  ExecDetached: 'exec at a terminal',
  ExecReleased: 'exec',
}

const execEffects: Readonly<Record<ExecEffect, ScenarioName>> = {
  startExec: 'exec',
  watchExec: 'exec',
  releaseExec: 'exec',
}

const effects: Readonly<Record<EffectType, ScenarioName>> = {
  mountRootfs: 'life',
  prepareBundle: 'life',
  startShim: 'life',
  awaitPid: 'life',
  startProcess: 'life',
  watchProcess: 'life',
  pause: 'freeze',
  resume: 'freeze',
  applyLimits: 'new limits',
  sendSignal: 'life',
  release: 'life',
  remove: 'life',
}

const undone: Readonly<Record<LaunchStep, ScenarioName>> = {
  mountRootfs: 'life',
  prepareBundle: 'life',
  startShim: 'life',
  awaitPid: 'failing start',
  startProcess: 'life',
}

/** The events of volumes, and what is done to their directories. */
const volumes: Readonly<Record<(VolumeEvent | VolumesEvent)['type'] | 'make' | 'delete', ScenarioName>> = {
  VolumeCreated: 'volumes',
  VolumeAskedFor: 'volumes',
  VolumeRemoved: 'volumes',
  VolumesPruned: 'volumes',
  make: 'volumes',
  delete: 'volumes',
}

/** Of the engine. */
export const enginePoints: readonly Point[] = [
  ...both('create', { makeLayers: 'life', makeVolumes: 'volumes', fillVolumes: 'volumes' }),
  ...both('volume', volumes),
  ...both('append', events),
  ...both('append', execEvents),
  ...both('perform', effects),
  ...both('perform', execEffects),
  ...both('undo', undone),
]
