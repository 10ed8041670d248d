/** Where the daemon's own log goes: a file descriptor, written at once, and without it where that is impossible. */
import { writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'

/**
 * pino's own destination tries a failed write again until it succeeds and lets nothing else happen meanwhile: a log file on a full disk would
 * hold the whole daemon. Lines that can't be written are lost, and their number is said with the first that can.
 */
export function logDestination(descriptor: number): DestinationStream {
  let lost = 0
  return {
    write(line) {
      const missing = lost === 0 ? '' : `${JSON.stringify({ level: 40, lost, msg: 'log lines lost' })}\n`
      try {
        writeAll(descriptor, Buffer.from(`${missing}${line}`))
        lost = 0
      } catch {
        lost += 1
      }
    },
  }
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
}
