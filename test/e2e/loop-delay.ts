/**
 * Loaded into tallyd with `--import`: measures how late its event loop is, and writes figures to TALLY_LOOP_DELAY every second that
 * something has changed. SIGUSR2 begins anew.
 */
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const path = process.env.TALLY_LOOP_DELAY
const histogram = monitorEventLoopDelay({ resolution: 5 })
let peakRss = 0

function write(): void {
  if (path === undefined) return
  peakRss = Math.max(peakRss, process.memoryUsage.rss())
  const milliseconds = (nanoseconds: number): number => nanoseconds / 1e6
  const { count, max } = histogram
  const [p50, p99] = [histogram.percentile(50), histogram.percentile(99)].map(milliseconds)
  writeFileSync(path, JSON.stringify({ count, p50, p99, max: milliseconds(max), peakRss }))
}

if (path !== undefined) {
  histogram.enable()
  process.on('SIGUSR2', () => {
    histogram.reset()
    peakRss = 0
  })
  setInterval(write, 250).unref()
}
