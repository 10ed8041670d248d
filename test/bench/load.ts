/** `npm run bench:load [count]`: many containers at once; prints how late tallyd's event loop was and what it held. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Daemon } from '../e2e/daemon.ts'
import { holdings, load } from '../e2e/load.ts'

const count = Number(process.argv[2] ?? 200)
// In memory: tallyd itself writes there, and must not wait for a disk because it is measured.
const directory = mkdtempSync('/dev/shm/tally-load-')
process.env.TALLY_LOOP_DELAY = join(directory, 'figures.json')
process.env.NODE_OPTIONS = `--import ${resolve(import.meta.dirname, '../e2e/loop-delay.ts')}`

const figures = async (): Promise<Record<string, number>> => {
  await sleep(1_000)
  return JSON.parse(readFileSync(join(directory, 'figures.json'), 'utf8'))
}
const mebibytes = (bytes = 0): string => (bytes / 2 ** 20).toFixed(0)
const milliseconds = (value = 0): string => value.toFixed(1)

/** Of what everything on the machine holds, in KiB: the most since it was first called, above what it was then. */
function watchMachine(): () => number {
  const available = (): number =>
    Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1])
  const before = available()
  let least = before
  const timer = setInterval(() => {
    least = Math.min(least, available())
  }, 100)
  return () => {
    clearInterval(timer)
    return (before - least) * 1024
  }
}

const quantile = (values: readonly number[], part: number): number | undefined =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))]

const daemon = await new Daemon().start()
try {
  await daemon.importBusybox()
  await load(daemon, 10)
  const before = holdings(daemon)
  const { peakRss: restingRss } = await figures()
  process.kill(daemon.pid, 'SIGUSR2')
  const machine = watchMachine()
  const { surprises, startMilliseconds, starts, totalMilliseconds } = await load(daemon, count)
  const machinePeak = machine()
  const { p50, p99, max, peakRss } = await figures()
  console.log(
    `${count} containers started in ${milliseconds(startMilliseconds)} ms, gone after ${milliseconds(totalMilliseconds)} ms`,
  )
  console.log(
    `POST start: median ${milliseconds(quantile(starts, 0.5))} ms, p99 ${milliseconds(quantile(starts, 0.99))} ms`,
  )
  console.log(
    `event loop delay: p50 ${milliseconds(p50)} ms, p99 ${milliseconds(p99)} ms, max ${milliseconds(max)} ms`,
  )
  console.log(
    `memory: ${mebibytes(restingRss)} MiB before, at most ${mebibytes(peakRss)} MiB; the whole machine at most ${mebibytes(machinePeak)} MiB more`,
  )
  console.log(`surprises: ${surprises.length === 0 ? 'none' : surprises.join('\n')}`)
  console.log(`left: ${JSON.stringify({ before, after: holdings(daemon) })}`)
} finally {
  await daemon.destroy()
  rmSync(directory, { recursive: true, force: true })
}
