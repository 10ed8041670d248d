/** Merges the image's layers, the init layer and the container's own layer into its root file system. */
import { TallyError } from '../errors.ts'
import { type Roots, rootfsPath } from '../paths.ts'
import type { RootfsHolds } from './rootfs-holds.ts'
import type { Worker } from './worker.ts'

const step = 'mountRootfs'

export interface RootfsOptions {
  readonly roots: Roots
  /** Shared with those who copy files. */
  readonly holds: RootfsHolds
}

export function rootfsWorker({ roots, holds }: RootfsOptions): Worker {
  return {
    async perform({ id, spec, runId }, signal) {
      signal.throwIfAborted()
      await holds.take({ id, image: spec.image }).catch(fail)
      return [{ type: 'RootfsMounted', runId, rootfs: rootfsPath(roots, id) }]
    },
    async undo({ id }) {
      await holds.giveBack(id)
    },
  }
}

function fail(cause: unknown): never {
  if (!(cause instanceof TallyError)) throw cause
  const { code, message, detail } = cause
  throw new TallyError(code, message, { step, exitCode: 128, cause, ...(detail && { detail }) })
}
