/** A process that writes a log as the shim does: `log-writer.ts PATH RECORDS MAX_SIZE MAX_FILE`; record n says `n\n`, stderr for odd ones. */
import { existsSync, openSync, renameSync, writeSync } from 'node:fs'

const [path = '', records = '0', maxSize = '0', maxFile = '1'] = process.argv.slice(2)

let file = openSync(path, 'a')
let size = 0
for (let n = 0; n < Number(records); n++) {
  const line = `${JSON.stringify({ log: `${n}\n`, stream: n % 2 ? 'stderr' : 'stdout', time: new Date().toISOString() })}\n`
  if (size + line.length > Number(maxSize)) rotate()
  size += line.length
  // Torn writes too: the reader must wait for the rest of a line.
  writeSync(file, line.slice(0, 7))
  writeSync(file, line.slice(7))
}

function rotate(): void {
  for (let index = Number(maxFile) - 2; index >= 0; index--) {
    const from = index === 0 ? path : `${path}.${index}`
    if (existsSync(from)) renameSync(from, `${path}.${index + 1}`)
  }
  file = openSync(path, 'a')
  size = 0
}
