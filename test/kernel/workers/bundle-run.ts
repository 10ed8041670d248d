/** Makes bundles with the worker over a busybox root file system and runs them with the real runc. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readdir, rm, rmdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noSuchContainer } from '../../../src/errors.ts'
import { bundlePath, type Roots, rootfsPath } from '../../../src/paths.ts'
import { bundleWorker } from '../../../src/workers/bundle.ts'
import { readHostFacts } from '../../../src/workers/host-facts.ts'
import type { Job, Worker } from '../../../src/workers/worker.ts'
import { aSpec, type SpecChanges } from '../../fixtures/spec.ts'

const cgroupRoot = '/sys/fs/cgroup'

export interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export class BundleRun {
  readonly roots: Roots
  readonly worker: Worker
  readonly #directory: string
  readonly #cgroupParent: string
  readonly #jobs: Job[] = []

  static async create(): Promise<BundleRun> {
    const directory = await mkdtemp(join(tmpdir(), 'bundle-'))
    return new BundleRun(directory, await readHostFacts())
  }

  constructor(directory: string, host: Awaited<ReturnType<typeof readHostFacts>>) {
    this.#directory = directory
    this.#cgroupParent = `/tallyman-bundle-test-${process.pid}`
    this.roots = { dataRoot: join(directory, 'data'), execRoot: join(directory, 'run') }
    this.worker = bundleWorker({
      ...{ roots: this.roots, host, cgroupParent: this.#cgroupParent, init: { always: false } },
      findPeer: (ref) => {
        throw noSuchContainer(ref)
      },
    })
  }

  /** A path on the host that is deleted with everything else. */
  hostPath(name: string): string {
    return join(this.#directory, name)
  }

  rootfs({ id }: Job): string {
    return rootfsPath(this.roots, id)
  }

  bundle({ id }: Job): string {
    return bundlePath(this.roots, id)
  }

  /** A container with a root file system, not yet prepared. */
  async job(changes: SpecChanges = {}): Promise<Job> {
    const id = randomBytes(32).toString('hex')
    const job = { id, name: 'test', runId: 'run', spec: aSpec(changes) }
    this.#jobs.push(job)
    await makeRootfs(this.rootfs(job))
    return job
  }

  async prepare(job: Job): Promise<void> {
    await this.worker.perform(job, new AbortController().signal)
  }

  /** What a shell script inside says. */
  async sh(script: string, changes: SpecChanges = {}): Promise<Output> {
    const config = { Hostname: 'box', Env: [], ...changes.config, Cmd: ['/bin/sh', '-c', script] }
    const job = await this.job({ ...changes, config })
    await this.prepare(job)
    return this.run(job)
  }

  run(job: Job): Promise<Output> {
    const args = ['--root', join(this.#directory, 'runc'), 'run', '--bundle', this.bundle(job), job.id]
    return new Promise((resolve) => {
      const runc = execFile('runc', args, (_, stdout, stderr) => {
        resolve({ code: runc.exitCode ?? -1, stdout, stderr })
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const job of this.#jobs) await this.worker.undo(job)
    await rm(this.#directory, { recursive: true, force: true })
    for (const hierarchy of await readdir(cgroupRoot)) await this.#removeGroup(join(cgroupRoot, hierarchy))
    await this.#removeGroup(cgroupRoot)
  }

  /** Control groups v1 have a hierarchy for each controller, also some without one; v2 has a single one. */
  async #removeGroup(hierarchy: string): Promise<void> {
    await rmdir(join(hierarchy, this.#cgroupParent)).catch(() => undefined)
  }
}

async function makeRootfs(rootfs: string): Promise<void> {
  for (const name of ['bin', 'etc', 'tmp', 'home/bob']) await mkdir(join(rootfs, name), { recursive: true })
  await copyFile('/bin/busybox', join(rootfs, 'bin/busybox'))
  const applets = [
    'sh',
    'cat',
    'env',
    'id',
    'ls',
    'mount',
    'unshare',
    'stat',
    'touch',
    'hostname',
    'grep',
    'df',
  ]
  for (const name of applets) await symlink('busybox', join(rootfs, 'bin', name))
  await writeFile(
    join(rootfs, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001:bob:/home/bob:/bin/sh\n',
  )
  await writeFile(join(rootfs, 'etc/group'), 'root:x:0:\nbobs:x:1001:\naudio:x:29:bob\nvideo:x:44:\n')
}
