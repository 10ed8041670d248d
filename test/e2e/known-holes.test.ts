/** Holes that other engines had, each by its CVE: what a container, or another user of the host, must not reach. Copied files are in test/kernel/archive. */
import { execFile } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon } from './daemon.ts'

let daemon: Daemon
beforeAll(async () => {
  daemon = await new Daemon().start()
  await daemon.importBusybox()
  chmodSync(daemon.root, 0o755)
  writeFileSync(join(daemon.root, 'secret'), 'of the host', { mode: 0o644 })
  await daemon.docker('run', '-d', '--network', 'none', '--name', 'busy', 'bb', 'sleep', '1000')
})
afterAll(() => daemon?.destroy())

const run = (...words: readonly string[]) => daemon.docker('run', '--rm', '--network', 'none', ...words)

describe('a container', () => {
  it('gets no descriptor but its own three (CVE-2024-21626)', async () => {
    const { stdout } = await run('bb', 'ls', '-l', '/proc/self/fd')
    expect([...stdout.matchAll(/ (\d+) -> /g)].map(([, fd]) => Number(fd))).toEqual([0, 1, 2])
  })

  it('does not come to the host by a working directory that is a descriptor of the runtime (CVE-2024-21626)', async () => {
    const up = '../'.repeat(12).slice(0, -1)
    for (const fd of [3, 5, 6, 7, 8, 9, 10]) {
      const { stdout } = await run('-w', `/proc/self/fd/${fd}`, 'bb', 'cat', `${up}${daemon.root}/secret`)
      expect(stdout).toBe('')
    }
  })

  it('has no inheritable and no ambient capabilities (CVE-2022-24769)', async () => {
    const { stdout } = await run('-u', '1000', 'bb', 'grep', '-E', 'Cap(Inh|Amb)', '/proc/self/status')
    expect(stdout.match(/:\s+(\w+)/g)?.map((found) => Number.parseInt(found.slice(1), 16))).toEqual([0, 0])
  })

  it('has the group of its user among the additional ones (CVE-2022-36109)', async () => {
    expect(
      (await run('-u', '7:8', 'bb', 'grep', 'Groups', '/proc/self/status')).stdout.trim().split(/\s+/),
    ).toEqual(['Groups:', '8'])
  })
})

describe('another user of the host', () => {
  it('comes into no directory of a container (CVE-2021-41103, CVE-2024-25621)', async () => {
    const { stdout } = await daemon.docker('inspect', '-f', '{{.GraphDriver.Data.MergedDir}}', 'busy')
    const merged = stdout.trim()
    expect(readdirSync(merged)).toContain('bin')
    for (const path of [merged, daemon.dataRoot, join(daemon.execRoot, 'libcontainerd')])
      expect(await asNobody('ls', path)).toBe('refused')
    expect(await asNobody('cat', join(daemon.root, 'secret'))).toBe('done')
  })

  it('finds no socket of ours but those in the file system, which are shut (CVE-2020-15257)', () => {
    const sockets = readFileSync(`/proc/${daemon.pid}/net/unix`, 'utf8').split('\n').slice(1)
    expect(sockets.filter((line) => / @/.test(line))).toEqual([])
    const ours = sockets
      .map((line) => line.split(' ').at(-1) ?? '')
      .filter((path) => path.startsWith(daemon.root))
    expect(ours).toContain(daemon.socket)
    for (const path of ours) expect(statSync(path).mode & 0o007).toBe(0)
  })
})

function asNobody(...words: readonly string[]): Promise<'done' | 'refused'> {
  const flags = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--']
  return new Promise((done) =>
    execFile('setpriv', [...flags, ...words], (error) => done(error ? 'refused' : 'done')),
  )
}
