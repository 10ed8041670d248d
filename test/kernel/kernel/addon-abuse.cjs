/** Calls the addon named by the first argument with everything that it has to refuse or free; a sanitizer ends the process at a mistake. */
const { Worker } = require('node:worker_threads')
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
const streams = [-1, -1, -1]
const wrongPrograms = [
  [],
  [[], [], streams, true, true, () => {}],
  [['a\0b'], [], streams, true, true, () => {}],
  [['true', 7], [], streams, true, true, () => {}],
  [['true'], 'PATH', streams, true, true, () => {}],
  [['true'], [], [-1, 2, -1], true, true, () => {}],
  [['true'], [], [], true, true, () => {}],
  [['true'], [], streams, 1, true, () => {}],
  [['true'], [], streams, true, true, 'told'],
]
const programs = [
  [['/bin/true'], ['A=b'], streams, false],
  [['sh', '-c', 'exit 3'], [], streams, true],
  [[missing], [], streams, true],
  [['/bin/true'], [], [-1, 4000, -1], true],
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

/** Resolves with the exit code or the error. */
function run(program) {
  return new Promise((resolve) => {
    addon.spawn(...program, true, (started, code) => {
      if (typeof started !== 'number') resolve(note(started))
      if (code !== undefined) resolve(code)
    })
  })
}

/** Threads go on after the thread that asked for the program: whom they then can't tell any more they have to let go. */
function endWhileRunning() {
  const script = `
    const addon = require(${JSON.stringify(process.argv[2])})
    addon.spawn(['sleep', '0.05'], [], [-1, -1, -1], false, true, () => {})
    setTimeout(() => process.exit(), 10)`
  return new Promise((resolve) => new Worker(script, { eval: true }).once('exit', resolve))
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
  for (const program of wrongPrograms) waiting.push(attempt(() => addon.spawn(...program)))
  for (let round = 0; round < 20; round++) for (const program of programs) waiting.push(run(program))
  for (let round = 0; round < 10; round++) waiting.push(endWhileRunning())
  globalThis.gc()
  await Promise.all(waiting)
  await run([['sleep', '0.1'], [], streams, false])
  globalThis.gc()
  console.log(codes.length, [...new Set(codes)].sort().join(' '))
}

void main()
