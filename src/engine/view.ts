/** A container as Docker's words have it, from its recorded state. Pure. */
import type { ContainerContext, Outcome } from '../../machines/container-context.ts'
import { milestone, type SavedLife } from '../../machines/container-life.ts'
import type { ContainerView, DockerStatus } from './port.ts'

const never = '0001-01-01T00:00:00Z'

/** @param row the id, name and version of the container and its machine's saved state. */
export function toView(row: {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly state: SavedLife
}): ContainerView {
  const { id, name, version, state } = row
  const { context } = state
  const word = milestone(state.value)
  const paused = word === 'running' && isPaused(state.value)
  const restarting = word === 'restarting'
  const running = word === 'running'
  return {
    id,
    name,
    version,
    context,
    milestone: word,
    status: statusOf(word, paused, context),
    state: {
      running: running || restarting,
      paused,
      oomKilled: context.run?.oomKilled ?? false,
      dead: false,
      pid: running ? (context.run?.process?.pid ?? 0) : 0,
      exitCode: running ? 0 : exitCode(context.run?.outcome),
      error: running ? '' : errorOf(context.run?.outcome),
      startedAt: context.lastStartedAt ?? never,
      finishedAt: context.lastExitedAt ?? never,
    },
  }
}

function isPaused(value: SavedLife['value']): boolean {
  return JSON.stringify(value).includes('"freezer":"paused"')
}

function statusOf(word: string, paused: boolean, context: ContainerContext): DockerStatus {
  if (word === 'running') return paused ? 'paused' : 'running'
  if (word === 'restarting') return 'restarting'
  if (word === 'removing' || word === 'removed') return 'removing'
  return context.lastStartedAt === null ? 'created' : 'exited'
}

/** Docker's exit code for what became of a run; 0 if nothing did yet. */
export function exitCode(outcome: Outcome | undefined): number {
  if (outcome === undefined) return 0
  if (outcome.kind === 'exited') return outcome.exitCode
  return outcome.kind === 'failed' ? outcome.failure.exitCode : 137
}

function errorOf(outcome: Outcome | undefined): string {
  if (outcome?.kind === 'failed') return outcome.failure.message
  return outcome?.kind === 'exited' ? (outcome.reason ?? '') : ''
}
