import { expect, test as it } from 'vitest'
import { lastError, startFailure } from '../../../src/supervisor/failure.ts'

const created = 'runc create failed: unable to start container process: '
const wrongKind =
  ': Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type'

const line = (msg: string, level = 'error'): string =>
  `${JSON.stringify({ level, msg, time: '2026-11-24T07:45:16Z' })}\n`

function failed(command: string, msg: string) {
  return startFailure({ step: 'create', command, runtimeLog: line(msg), shimLog: '', otherwise: 'unused' })
}

/** Recorded: what runc 1.1.5 wrote to its log, and the exit code that dockerd 20.10 gave the same container. */
it.each([
  ['nosuchcmd', `${created}exec: "nosuchcmd": executable file not found in $PATH`, 127, ''],
  ['', `${created}exec: "": executable file not found in $PATH`, 127, ''],
  ['/nosuch', `${created}exec: "/nosuch": stat /nosuch: no such file or directory`, 127, ''],
  ['./rel', `${created}exec: "./rel": stat ./rel: no such file or directory`, 127, ''],
  ['/etc', `${created}exec: "/etc": permission denied`, 126, ''],
  ['/etc/noexec', `${created}exec: "/etc/noexec": permission denied`, 126, ''],
  [
    '/etc/passwd/foo',
    `${created}exec: "/etc/passwd/foo": stat /etc/passwd/foo: not a directory`,
    127,
    wrongKind,
  ],
  [
    'true',
    `${created}error during container init: error mounting "/etc/hostname" to rootfs at "/etc": mount /etc/hostname:/etc (via /proc/self/fd/6), flags: 0x5000: not a directory`,
    127,
    wrongKind,
  ],
  [
    'true',
    `${created}error during container init: error setting rlimits for ready process: error setting rlimit type 7: operation not permitted`,
    128,
    '',
  ],
  [
    'true',
    `${created}error during container init: error mounting "/nonexist/x" to rootfs at "/proc": "/merged/proc" cannot be mounted because it is not of type proc`,
    128,
    '',
  ],
])('a container of %j for which runc says %s ends with %i', (command, msg, exitCode, advice) => {
  expect(failed(command, msg)).toMatchObject({
    exitCode,
    message: `failed to create shim task: OCI runtime create failed: ${msg}: unknown${advice}`,
    step: 'awaitPid',
    detail: line(msg).trim(),
  })
})

it('a wrong command is the request’s fault, anything else is not', () => {
  expect(failed('x', 'exec: "x": executable file not found in $PATH').code).toBe('bad-request')
  expect(failed('x', 'exec: "x": permission denied').code).toBe('bad-request')
  expect(failed('x', 'cgroup: device or resource busy').code).toBe('internal')
})

it('an error that does not name the command says nothing of it', () => {
  expect(failed('sh', 'open /sh/cgroup: no such file or directory')).toMatchObject({ exitCode: 128 })
  expect(failed('sh', 'open /sh/cgroup: permission denied')).toMatchObject({ exitCode: 128 })
})

it('crun’s quotes are understood as well', () => {
  expect(
    failed('nosuch', 'executable file `nosuch` not found in $PATH: No such file or directory').exitCode,
  ).toBe(127)
})

it('the shim is heard where the runtime said nothing, and the caller where both said nothing', () => {
  const shimLog = `${JSON.stringify({ level: 'error', step: 'exec runc', errno: 2, msg: 'No such file or directory' })}\n`
  const facts = {
    step: 'create',
    command: 'sh',
    runtimeLog: '',
    shimLog,
    otherwise: 'the shim ended',
  } as const
  expect(startFailure(facts).message).toContain(
    'create failed: exec runc: No such file or directory: unknown',
  )
  expect(startFailure({ ...facts, shimLog: '' })).toMatchObject({ exitCode: 128, detail: 'the shim ended' })
})

it('a start that failed is told apart from a create', () => {
  const facts = { command: 'sh', runtimeLog: line('cannot start a container that has stopped'), shimLog: '' }
  expect(startFailure({ step: 'start', otherwise: '', ...facts })).toMatchObject({
    message: 'OCI runtime start failed: cannot start a container that has stopped: unknown',
    step: 'startProcess',
  })
})

it('the last error counts; warnings and lines that are cut do not', () => {
  expect(
    lastError([line('first'), line('second'), line('a warning', 'warning'), '{"level":"error","ms'].join('')),
  ).toBe('second')
  expect(lastError('')).toBeUndefined()
})

it('says what could not be exec’d as Docker does', () => {
  const msg =
    'exec failed: unable to start container process: exec: "nope": executable file not found in $PATH'
  const facts = { runtimeLog: line(msg), shimLog: '', otherwise: 'unused' }
  expect(startFailure({ step: 'exec', command: 'nope', ...facts })).toMatchObject({
    code: 'bad-request',
    exitCode: 127,
    step: 'awaitPid',
    message: `OCI runtime exec failed: ${msg}: unknown`,
  })
})
