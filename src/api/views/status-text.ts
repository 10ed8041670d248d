/** The status column of `docker ps`: `Up 3 seconds`, `Exited (0) 2 minutes ago`. */
import { nanoseconds } from '../../clock.ts'
import type { ContainerView } from '../../engine/port.ts'

/** What Docker shows of a container at the time `now`, RFC 3339. */
export function statusText({ status, state }: ContainerView, now: string): string {
  const since = (time: string) => durationText((nanoseconds(now) - nanoseconds(time)) / 1_000_000_000n)
  switch (status) {
    case 'running':
      return `Up ${since(state.startedAt)}`
    case 'paused':
      return `Up ${since(state.startedAt)} (Paused)`
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`
    case 'removing':
      return 'Removal In Progress'
    case 'dead':
      return 'Dead'
    case 'created':
      return 'Created'
    case 'exited':
      return `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`
  }
}

const minute = 60
const hour = 60 * minute
const day = 24 * hour

/** Docker's steps: each unit is kept until there are two of the next, hours are rounded and the rest is cut off. */
export function durationText(duration: bigint): string {
  const seconds = Number(duration)
  const hours = Math.floor(seconds / hour + 0.5)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < minute) return `${seconds} seconds`
  if (seconds < 2 * minute) return 'About a minute'
  if (seconds < hour) return `${Math.floor(seconds / minute)} minutes`
  if (hours === 1) return 'About an hour'
  return hours < 48 ? `${hours} hours` : daysText(hours, seconds)
}

function daysText(hours: number, seconds: number): string {
  const days = Math.floor(hours / 24)
  if (days < 14) return `${days} days`
  if (days < 60) return `${Math.floor(days / 7)} weeks`
  if (days < 730) return `${Math.floor(days / 30)} months`
  return `${Math.floor(seconds / (365 * day))} years`
}
