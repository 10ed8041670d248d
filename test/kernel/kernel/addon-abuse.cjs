/** Calls the addon named by the first argument with everything that it has to refuse or free; a sanitizer ends the process at a mistake. */
const addon = require(process.argv[2])
const AT_FDCWD = -100
const missing = '/tally-nowhere/x'

const wrong = [
  [],
  ['unknown', []],
  ['x'.repeat(100), []],
  ['syncfs'],
  ['syncfs', [{}]],
  ['syncfs', [undefined]],
  ['syncfs', [2n ** 70n]],
  ['syncfs', new Array(7).fill('x')],
  ['mkdirat', [AT_FDCWD, 'a\0b', 0o700]],
  ['mkdirat', ['freed', new Int32Array(1), {}]],
  ['syncfs', [-1], 7],
  ['syncfs', [-1], '\0'],
]
const failing = [
  ['mkdirat', [AT_FDCWD, missing.repeat(500), 0o700]],
  ['mkdirat', [AT_FDCWD, missing, 0o700]],
  ['getsockopt', [-1, 1, 17, new Int32Array(3), Int32Array.of(12)]],
  ['umount2', ['/proc/self/none', 0]],
]
const directories = [undefined, '/', '/tally-nowhere']

const codes = []
const note = (error) => codes.push(error.code)

function attempt(call) {
  try {
    return Promise.resolve(call()).catch(note)
  } catch (error) {
    return note(error)
  }
}

async function main() {
  const waiting = []
  for (let round = 0; round < 50; round++) {
    for (const args of wrong)
      waiting.push(
        attempt(() => addon.call(...args)),
        attempt(() => addon.callSync(...args)),
      )
    for (const args of failing) {
      waiting.push(attempt(() => addon.callSync(...args)))
      for (const directory of directories) waiting.push(attempt(() => addon.call(...args, directory)))
    }
  }
  globalThis.gc()
  await Promise.all(waiting)
  globalThis.gc()
  console.log(codes.length, [...new Set(codes)].sort().join(' '))
}

void main()
