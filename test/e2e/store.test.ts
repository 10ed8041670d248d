/** The record of a daemon at work: killed, damaged, on a disk that fails, of another time, wanted by two, and backed up. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { breakFileSystem } from '../kernel/store/disk.ts'
import { ApiClient } from './api-client.ts'
import { Daemon, run } from './daemon.ts'
import { smallDisk } from './small-disk.ts'

const tallyd = resolve(import.meta.dirname, '../../bin/tallyd')
const endless = 'trap "exit 7" USR1; i=0; while true; do echo $i; i=$((i+1)); sleep 0.05; done'
const lastWords = /tallyd: the event store failed and cannot be trusted until it is opened again: .*\n$/

let daemon: Daemon

beforeEach(() => {
  daemon = new Daemon()
})
afterEach(() => daemon.destroy())

const database = (): string => join(daemon.dataRoot, 'tallyman.db')

async function start(): Promise<void> {
  await daemon.start()
  await daemon.importBusybox()
}

async function runEndless(name: string): Promise<number> {
  const { code, stderr } = await daemon.docker(
    ...['run', '-d', '--network', 'none', '--name', name, 'bb', 'sh', '-c', endless],
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return Number((await daemon.docker('inspect', '-f', '{{.State.Pid}}', name)).stdout)
}

const create = (name: string) => daemon.docker('create', '--network', 'none', '--name', name, 'bb', 'true')

async function names(): Promise<readonly string[]> {
  const { stdout } = await daemon.docker('ps', '-a', '--format', '{{.Names}}')
  return stdout.split('\n').filter((name) => name !== '')
}

async function logLines(name: string): Promise<number> {
  return Number((await daemon.docker('logs', '--tail', '1', name)).stdout)
}

async function expectSound(...target: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await daemon.tally('verify', ...target)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^[\d,]+ events in \d+ streams: every hash fits, and all else is what the log says\n$/,
  )
}

describe('a daemon that is killed while it commits', () => {
  it('has everything that it answered, each time', async () => {
    await start()
    const answered: string[] = []
    for (let round = 0; round < 4; round += 1) {
      const killed = sleep(150 + Math.random() * 500).then(() => daemon.end('SIGKILL'))
      const creating = Array.from({ length: 8 }, async (_, index) => {
        const name = `web-${round}-${index}`
        if ((await create(name)).code === 0) answered.push(name)
      })
      await Promise.all([killed, ...creating])
      await expectSound('--data-root', daemon.dataRoot)
      await daemon.start()
    }
    expect(answered.length).toBeGreaterThan(0)
    expect(await names()).toEqual(expect.arrayContaining(answered))
    await expectSound()
  })
})

/** Makes system calls of a running process fail. @returns ends it, and leaves the process as it is. */
async function injectFault(pid: number, fault: string): Promise<ChildProcess> {
  const call = fault.slice(0, fault.indexOf(':'))
  const trace = join(daemon.root, 'strace')
  const strace = spawn('strace', [
    '-f',
    '-o',
    trace,
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${fault}`,
    '-p',
    `${pid}`,
  ])
  for await (const chunk of strace.stderr) if (String(chunk).includes('attached')) break
  return strace
}

describe('a disk that fails under a daemon at work', () => {
  it.each([
    ['a flush', 'fdatasync:error=EIO'],
    ['the write of a commit', 'pwrite64:error=EIO'],
  ])(
    'in %s: it ends with one sentence, containers go on, and the next daemon adopts them',
    async (_, fault) => {
      await start()
      const pid = await runEndless('steady')
      const strace = await injectFault(daemon.pid, fault)
      const renamed = await daemon.docker('rename', 'steady', 'other')
      expect(renamed.code).toBe(1)
      if (strace.exitCode === null) await once(strace, 'close')
      expect(await daemon.end()).toBe(1)
      expect(daemon.log()).toMatch(lastWords)
      expect(existsSync(`/proc/${pid}`)).toBe(true)
      await expectSound('--data-root', daemon.dataRoot)

      await daemon.start()
      const [name = ''] = await names()
      const before = await logLines(name)
      await expect.poll(() => logLines(name)).toBeGreaterThan(before)
      process.kill(pid, 'SIGUSR1')
      expect((await daemon.docker('wait', name)).stdout).toBe('7\n')
      await expectSound()
    },
  )

  it('read-only, it is answered with the reason, and containers run and log', async () => {
    const { disk } = smallDisk(daemon, { holds: 'database', size: '24M' })
    await start()
    using api = new ApiClient(daemon.socket)
    const pid = await runEndless('steady')
    breakFileSystem(disk)
    for (const path of ['/containers/steady/stop', '/containers/steady/rename?name=other']) {
      const { status, text } = await api.send('POST', path)
      expect({ path, status, text }).toEqual({
        path,
        status: 503,
        text: expect.stringContaining('read-only file system'),
      })
    }
    const before = await logLines('steady')
    await expect.poll(() => logLines('steady')).toBeGreaterThan(before)
    expect(await names()).toEqual(['steady'])
    await expectSound()
    await daemon.end()
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    const again = startBeside()
    expect(await again.ended).toBe(1)
    expect(again.said()).toMatch(/^tallyd: cannot open the database .*: read-only file system\n$/)

    await bringDatabaseBack()
    await daemon.start()
    process.kill(pid, 'SIGUSR1')
    expect((await daemon.docker('wait', 'steady')).stdout).toBe('7\n')
  })
})

/** The database moves to a disk that can be written. */
async function bringDatabaseBack(): Promise<void> {
  for (const file of [database(), `${database()}-wal`]) {
    const content = existsSync(file) ? readFileSync(file) : undefined
    rmSync(file, { force: true })
    if (content !== undefined) writeFileSync(file, content, { mode: 0o600 })
  }
}

/** Another tallyd on the same data root, with sockets and an exec root of its own. */
function startBeside(dataRoot = daemon.dataRoot, name = 'beside') {
  const execRoot = join(daemon.root, `exec-${name}`)
  const socket = join(daemon.root, `${name}.sock`)
  const flags = ['-H', `unix://${socket}`, '--data-root', dataRoot, '--exec-root', execRoot]
  const child = spawn(tallyd, [...flags, '--cgroup-parent', `/${daemon.namespace}`])
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const ended = once(child, 'close').then(([code]) => code as number)
  return { child, socket, ended, said: () => said }
}

describe('two daemons on one data root', () => {
  it('started at once: one serves, the other is refused and harms nothing', async () => {
    mkdirSync(daemon.dataRoot)
    for (let round = 0; round < 3; round += 1) {
      const both = [startBeside(daemon.dataRoot, 'one'), startBeside(daemon.dataRoot, 'two')]
      const refused = await Promise.race(both.map(async (one) => ({ code: await one.ended, one })))
      const first = both.find((one) => one !== refused.one)
      expect(refused.code).toBe(1)
      expect(refused.one.said()).toBe(`tallyd: another tallyd is using the database ${database()}\n`)
      if (first === undefined) throw new Error('both were refused')
      await expect.poll(() => answers(first.socket), { timeout: 20_000 }).toBe(true)
      first.child.kill()
      expect(await first.ended).toBe(0)
    }
    await start()
    await runEndless('steady')
  })

  it('the second takes nothing from the first, which starts containers as before', async () => {
    await start()
    await runEndless('steady')
    const mounted = daemon.mounts()
    const second = startBeside()
    expect(await second.ended).toBe(1)
    expect(daemon.mounts()).toEqual(mounted)
    await runEndless('another')
    expect((await daemon.docker('rm', '-f', 'steady', 'another')).code).toBe(0)
    await expectSound()
  })
})

async function answers(socket: string): Promise<boolean> {
  return (await run('docker', ['-H', `unix://${socket}`, 'ps'])).code === 0
}

describe('a database of a newer Tallyman', () => {
  it.each([
    [
      'schema',
      `INSERT INTO migrations VALUES (99, '0099-future.sql', 'x', 'now')`,
      'schema 99 (0099-future.sql) of a newer',
    ],
    [
      'event',
      `INSERT INTO events (stream, version, type, schema, data, meta, hash)
       SELECT stream, version + 1, 'Teleported', 1, data, meta, hash FROM events WHERE stream LIKE 'container/%'`,
      'the log has the event Teleported, which only a newer Tallyman knows',
    ],
  ])('is refused for its %s with one sentence', async (_, sql, message) => {
    await start()
    await create('web')
    await daemon.end()
    copyFileSync(database(), `${database()}.kept`)
    const connection = new Database(database())
    connection.exec(sql)
    connection.close()
    const { ended, said } = startBeside()
    expect(await ended).toBe(1)
    expect(said()).toMatch(/^tallyd: .*\n$/)
    expect(said()).toContain(message)
    copyFileSync(`${database()}.kept`, database())
    rmSync(`${database()}.head`)
    await daemon.start()
    expect(await names()).toEqual(['web'])
  })
})

describe('tally verify', () => {
  it('names the event whose byte was flipped, and what to do', async () => {
    await start()
    await create('web')
    await daemon.docker('rename', 'web', 'quay')
    await daemon.end()
    const file = readFileSync(database())
    file[file.lastIndexOf('"oldName":"web"') + 12] = 'x'.charCodeAt(0)
    const damaged = join(daemon.root, 'damaged.db')
    writeFileSync(damaged, file)
    const { code, stdout, stderr } = await daemon.tally('verify', damaged)
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toMatch(
      /^event \d+ \(container\/[0-9a-f]{64} version 2\): the hash does not fit the event and the one before it\n\d+ events in 2 streams: damaged\nA log cannot be mended: .*\n$/,
    )
    const json = JSON.parse((await daemon.tally('verify', '--json', damaged)).stdout)
    expect(json.damages).toEqual([expect.objectContaining({ kind: 'event', version: 2 })])
    await expectSound('--data-root', daemon.dataRoot)
    await daemon.start()
  })

  it('leaves a database to the daemon that uses it, and asks that one', async () => {
    await start()
    const { code, stderr } = await daemon.tally('verify', '--data-root', daemon.dataRoot)
    expect(code).toBe(2)
    expect(stderr).toBe(
      `tally: another tallyd is using the database ${database()}: leave FILE and --data-root out to ask it\n`,
    )
    await expectSound()
  })

  it('finds rows that were changed, which tally rebuild makes anew', async () => {
    await start()
    await create('web')
    await daemon.end()
    const connection = new Database(database())
    connection.exec(`UPDATE containers SET name = 'stolen'`)
    connection.close()
    const { code, stdout } = await daemon.tally('verify', '--data-root', daemon.dataRoot)
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining('run tally rebuild') })
    expect((await daemon.tally('rebuild', '--data-root', daemon.dataRoot)).stdout).toMatch(
      /^rebuilt from \d+ events\n$/,
    )
    await expectSound('--data-root', daemon.dataRoot)
    await daemon.start()
    expect(await names()).toEqual(['web'])
  })
})

describe('tally backup', () => {
  it('writes a private file while containers come and go, which verifies and starts a daemon', async () => {
    await start()
    const file = join(daemon.root, 'kept.db')
    const busy = Array.from({ length: 10 }, (_, index) => create(`web-${index}`))
    const { code, stdout, stderr } = await daemon.tally('backup', file)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/: \d+ events, [\d,]+ bytes\n$/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await Promise.all(busy)
    await create('later')
    await expectSound(file)
    await daemon.end()

    for (const suffix of ['', '-wal', '.head']) rmSync(`${database()}${suffix}`, { force: true })
    copyFileSync(file, database())
    await daemon.start()
    expect(await names()).not.toContain('later')
    expect((await daemon.docker('run', '--rm', '--network', 'none', 'bb', 'echo', 'back')).stdout).toBe(
      'back\n',
    )
    await expectSound()
  })

  it('overwrites nothing, and says so', async () => {
    await start()
    const file = join(daemon.root, 'kept.db')
    writeFileSync(file, 'mine')
    const { code, stderr } = await daemon.tally('backup', file)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `tally: ${file} is there already, and nothing is overwritten\n`,
    })
    expect(readFileSync(file, 'utf8')).toBe('mine')
  })
})
