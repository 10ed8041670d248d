/** How long to wait before something is tried again. Pure. */
const first = 100
const longest = 10_000

/** Milliseconds after attempt number `attempt`, from 1: twice as long each time, up to ten seconds. */
export const retryDelay = (attempt: number): number => Math.min(first * 2 ** (attempt - 1), longest)
