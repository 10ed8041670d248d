/** The worker that prepares all that the shim and the runtime are given: container files, config.json and named pipes. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFifo } from '../kernel/fifo.ts'
import type { ContainerPaths, HostFacts } from '../oci/facts.ts'
import { workingDirectory } from '../oci/process.ts'
import type { RuntimeSpec } from '../oci/runtime-spec.ts'
import { serialize } from '../oci/serialize.ts'
import { runtimeSpec } from '../oci/spec.ts'
import { bundlePath, containerPath, type Roots, rootfsPath } from '../paths.ts'
import { prepareBindSources } from './bind-sources.ts'
import { undoContainerFiles, writeContainerFiles } from './container-files.ts'
import type { InitOptions } from './init-program.ts'
import type { FindPeer } from './peer.ts'
import { makeDirectoriesInside } from './rootfs-files.ts'
import { readStartFacts } from './start-facts.ts'
import { stdioOf } from './task.ts'
import type { Job, Worker } from './worker.ts'

export interface BundleOptions {
  readonly roots: Roots
  readonly host: HostFacts
  /** The control group for containers that ask for no other: `/docker`. */
  readonly cgroupParent: string
  readonly init: InitOptions
  readonly findPeer: FindPeer
}

/** Done again it writes the same files anew; named pipes that are there stay. */
export function bundleWorker(options: BundleOptions): Worker {
  const { roots } = options
  return {
    async perform(job, signal) {
      await writeContainerFiles(roots, job)
      signal.throwIfAborted()
      const spec = await prepareSpec(options, job)
      signal.throwIfAborted()
      const bundle = bundlePath(roots, job.id)
      await writeBundle(bundle, spec)
      makeStdio(bundle, job)
      return [{ type: 'BundlePrepared', runId: job.runId, bundle }]
    },
    async undo(job) {
      await rm(bundlePath(roots, job.id), { recursive: true, force: true })
      await undoContainerFiles(roots, job)
    },
  }
}

async function prepareSpec(options: BundleOptions, job: Job): Promise<RuntimeSpec> {
  const { roots, host, cgroupParent } = options
  const { id, spec } = job
  const { dataRoot } = roots
  const paths = containerPaths(roots, id)
  await prepareBindSources(spec, dataRoot)
  const start = await readStartFacts({ ...options, spec, rootfs: paths.rootfs })
  const runtime = runtimeSpec({ id, spec, host, start, paths, dataRoot, cgroupParent })
  makeDirectoriesInside(paths.rootfs, workingDirectory(spec.config))
  return runtime
}

function containerPaths(roots: Roots, id: string): ContainerPaths {
  const file = (name: string): string => join(containerPath(roots, id), name)
  return {
    rootfs: rootfsPath(roots, id),
    resolvConf: file('resolv.conf'),
    hostname: file('hostname'),
    hosts: file('hosts'),
    shm: file('shm'),
  }
}

/** Written aside and renamed, so that the runtime never reads half a file. No fsync: the exec root is void after a reboot. */
async function writeBundle(bundle: string, spec: RuntimeSpec): Promise<void> {
  await mkdir(bundle, { recursive: true, mode: 0o711 })
  const path = join(bundle, 'config.json')
  await writeFile(`${path}.new`, serialize(spec), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** `init-stdin` is always there to see; only a container with an open stdin reads it. */
function makeStdio(bundle: string, { spec }: Job): void {
  const pipes = [join(bundle, 'init-stdin'), ...Object.values(stdioOf(bundle, spec))]
  for (const path of new Set(pipes)) makeFifo(path, 0o600)
}
