/** When a container that has ended is started again by its restart policy, as Docker's restart manager has it. */
import type { ContainerContext, Restarts } from './container-context.ts'

const firstDelay = 100
const longestDelay = 60_000
/** A run of at least this many milliseconds was a good one: the delay begins anew. */
const goodRun = 10_000

/** Whether the policy wants another run after the one that has just ended. */
export function wantsRestart({ spec, run, restarts }: ContainerContext): boolean {
  if (spec === null || run?.outcome?.kind !== 'exited' || run.endedByHand || run.endedByShutdown) return false
  const { Name, MaximumRetryCount } = spec.hostConfig.RestartPolicy
  if (Name !== 'on-failure') return Name === 'always' || Name === 'unless-stopped'
  const triesLeft = MaximumRetryCount === 0 || (restarts?.count ?? 0) < MaximumRetryCount
  return run.outcome.exitCode !== 0 && triesLeft
}

/** Whether a container at rest is started when the daemon starts: `always` even if it was stopped by hand. */
export function startsWithDaemon({ spec, run, lastStartedAt }: ContainerContext): boolean {
  if (spec === null || run === null || lastStartedAt === null) return false
  const { Name } = spec.hostConfig.RestartPolicy
  if (Name === 'always') return true
  if (run.endedByHand) return false
  return (
    Name === 'unless-stopped' || (Name === 'on-failure' && failedAtShutdown(run.outcome, run.endedByShutdown))
  )
}

const failedAtShutdown = (
  outcome: NonNullable<ContainerContext['run']>['outcome'],
  endedByShutdown: boolean | undefined,
): boolean => endedByShutdown === true && outcome?.kind === 'exited' && outcome.exitCode !== 0

/** The next try: 100 ms after the exit, then doubling to a minute. */
export function planRestart({ run, restarts, lastStartedAt, lastExitedAt }: ContainerContext): Restarts {
  const exited = Date.parse(lastExitedAt ?? '')
  const ran = exited - Date.parse(run?.startedAt ?? lastStartedAt ?? '')
  const before = ran >= goodRun ? 0 : (restarts?.delay ?? 0)
  const delay = before === 0 ? firstDelay : Math.min(before * 2, longestDelay)
  return { count: restarts?.count ?? 0, delay, due: new Date(exited + delay).toISOString() }
}
