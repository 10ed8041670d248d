/** A real dockerd of a test's own: temporary roots, its own network namespace, nothing of the host's network touched. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../e2e/daemon.ts'
import {
  type CliResult,
  importBusybox,
  mountedBelow,
  removeContainers,
  removeGroups,
} from '../e2e/surroundings.ts'

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

  importBusybox(): Promise<void> {
    return importBusybox(this)
  }

  /** Removes all containers, ends the daemon and gives back everything it took. */
  async destroy(): Promise<void> {
    await removeContainers(this)
    await this.#end()
    execFileSync('ip', ['netns', 'del', this.name])
    for (const target of mountedBelow(this.root).reverse()) execFileSync('umount', ['-l', target])
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
}
