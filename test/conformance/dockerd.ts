/** A real dockerd of a test's own: temporary roots, its own network namespace, nothing of the host's network touched. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { busyboxArchive } from '../../scripts/busybox.ts'
import { type CliResult, run } from '../e2e/daemon.ts'

export class Dockerd {
  readonly root = mkdtempSync(join(tmpdir(), 'tally-dockerd-'))
  readonly socket = join(this.root, 'docker.sock')
  readonly name = `dockerd-${this.root.slice(-6).toLowerCase()}`
  #process: ChildProcess | undefined

  async start(): Promise<this> {
    execFileSync('ip', ['netns', 'add', this.name])
    execFileSync('ip', ['-n', this.name, 'link', 'set', 'lo', 'up'])
    const roots = ['--data-root', join(this.root, 'data'), '--exec-root', join(this.root, 'exec')]
    const own = [
      '-p',
      join(this.root, 'pid'),
      '-H',
      `unix://${this.socket}`,
      '--cgroup-parent',
      `/${this.name}`,
    ]
    const flags = [...roots, ...own, '--bridge', 'none', '--iptables=false']
    const script = `exec nsenter --net=/run/netns/${this.name} dockerd "$@" >>${join(this.root, 'log')} 2>&1`
    this.#process = spawn('sh', ['-c', script, 'sh', ...flags], { stdio: 'ignore' })
    for (let attempt = 0; attempt < 600; attempt += 1) {
      if (existsSync(this.socket) && (await this.docker('version')).code === 0) return this
      if (this.#process.exitCode !== null) break
      await sleep(100)
    }
    throw new Error(`dockerd does not answer: ${readFileSync(join(this.root, 'log'), 'utf8')}`)
  }

  get pid(): number {
    return Number(readFileSync(join(this.root, 'pid'), 'utf8'))
  }

  docker(...args: readonly string[]): Promise<CliResult> {
    return run('docker', ['-H', `unix://${this.socket}`, ...args])
  }

  dockerWithInput(input: string | Buffer, ...args: readonly string[]): Promise<CliResult> {
    return run('docker', ['-H', `unix://${this.socket}`, ...args], input)
  }

  async importBusybox(): Promise<void> {
    const { code, stderr } = await this.dockerWithInput(
      busyboxArchive(),
      'import',
      '--change',
      'CMD ["sh"]',
      '-',
      'bb',
    )
    if (code !== 0) throw new Error(`import failed: ${stderr}`)
  }

  /** Removes all containers, ends the daemon and gives back everything it took. */
  async destroy(): Promise<void> {
    const { stdout } = await this.docker('ps', '-aq')
    const ids = stdout.split('\n').filter((id) => id !== '')
    if (ids.length > 0) await this.docker('rm', '-f', ...ids)
    await this.#end()
    execFileSync('ip', ['netns', 'del', this.name])
    for (const target of this.#mounts().reverse()) execFileSync('umount', ['-l', target])
    rmSync(this.root, { recursive: true, force: true })
    removeGroups(this.name)
  }

  async #end(): Promise<void> {
    const dockerd = this.#process
    if (dockerd === undefined || dockerd.exitCode !== null || dockerd.signalCode !== null) return
    await new Promise<void>((done) => {
      dockerd.once('exit', () => done())
      dockerd.kill()
    })
  }

  #mounts(): string[] {
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((target) => target.startsWith(`${this.root}/`))
  }
}

function removeGroups(name: string): void {
  const root = '/sys/fs/cgroup'
  for (const hierarchy of ['.', ...readdirSync(root)]) {
    const group = join(root, hierarchy, name)
    if (existsSync(group)) rmdirSync(group)
  }
}
