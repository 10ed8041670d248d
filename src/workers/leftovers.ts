/**
 * Everything of containers that is to be seen on the machine: what the engine compares with its log when it starts. Only what lies beneath our
 * own roots and our own control groups and is named by a container's id is looked at; whatever else is there is somebody else's.
 */
import { readdir, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { TallyError } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import { mounts, mountsBelow } from '../kernel/mountinfo.ts'
import { detach } from '../kernel/mounts.ts'
import { cleanPath } from '../oci/clean-path.ts'
import {
  bundlesRoot,
  containersRoot,
  layerPath,
  overlayRoot,
  type Roots,
  runtimeRoot,
  supervisorRoot,
} from '../paths.ts'
import { killCgroup, removeCgroup } from '../supervisor/cgroup.ts'
import { removeContainerFiles } from './container-files.ts'
import { removeContainerLayers } from './layers.ts'
import { killLostShim, lostShims } from './lost-shims.ts'

/** What a container has while it runs, in the order in which it is released, then what belongs to it as long as it exists. */
export const leftoverKinds = [
  'shim',
  'cgroup',
  'runtime-state',
  'task',
  'mount',
  'bundle',
  'layer',
  'files',
] as const

export type LeftoverKind = (typeof leftoverKinds)[number]

export interface Leftover {
  readonly kind: LeftoverKind
  /** Of the container whose it is or was. */
  readonly id: string
  /** Absolute path; of a shim its pid. */
  readonly path: string
}

export interface Leftovers {
  /** @param parents control groups that hold those of containers. */
  observe(parents: readonly string[]): Promise<readonly Leftover[]>
  /** Nothing there any more is fine. */
  release(leftover: Leftover): Promise<void>
}

const containerId = /^[0-9a-f]{64}$/

export function leftoversOf(roots: Roots): Leftovers {
  return {
    async observe(parents) {
      const found = await Promise.all([
        shims(roots),
        cgroups(parents),
        named('runtime-state', runtimeRoot(roots)),
        named('task', supervisorRoot(roots)),
        mountsOf(roots),
        named('bundle', bundlesRoot(roots)),
        layers(roots),
        named('files', containersRoot(roots)),
      ])
      return found.flat()
    },
    release: (leftover) => release(roots, leftover),
  }
}

/** For a log that is empty: it was lost, and what containers have written can't be made again, so that is passed over. */
export function keepingWritten(
  leftovers: Leftovers,
  report: (message: string, fields: object) => void,
): Leftovers {
  return {
    ...leftovers,
    async observe(parents) {
      const { kept = [], others = [] } = Object.groupBy(await leftovers.observe(parents), isWritten)
      for (const { kind, id: container, path } of kept)
        report('orphan kept, since the log is empty', { kind, container, path })
      return others
    },
  }
}

const isWritten = ({ kind }: Leftover): 'kept' | 'others' =>
  kind === 'layer' || kind === 'files' ? 'kept' : 'others'

async function release(roots: Roots, { kind, id, path }: Leftover): Promise<void> {
  switch (kind) {
    case 'shim':
      return killLostShim(roots, { id, pid: Number(path) })
    case 'cgroup':
      return releaseCgroup(path)
    case 'mount':
      return detach(path)
    case 'runtime-state':
    case 'task':
    case 'bundle':
      return rm(path, { recursive: true, force: true })
    case 'layer':
      return removeContainerLayers(roots, id)
    case 'files':
      return removeContainerFiles(roots, id)
  }
}

async function releaseCgroup(directory: string): Promise<void> {
  const survivors = await killCgroup([directory])
  if (survivors.length > 0) throw new TallyError('internal', `processes ${survivors.join(' ')} do not die`)
  if (!(await removeCgroup([directory]))) throw new TallyError('internal', 'the control group is in use')
}

async function shims(roots: Roots): Promise<readonly Leftover[]> {
  return (await lostShims(roots)).map(({ id, pid }) => ({ kind: 'shim', id, path: String(pid) }))
}

async function named(kind: LeftoverKind, directory: string): Promise<readonly Leftover[]> {
  const ids = (await list(directory)).filter((name) => containerId.test(name))
  return ids.map((id) => ({ kind, id, path: join(directory, id) }))
}

/** Every hierarchy has a directory of its own for a group, cgroups(7). */
async function cgroups(parents: readonly string[]): Promise<readonly Leftover[]> {
  const hierarchies = (await mounts()).filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
  const directories = hierarchies.flatMap(({ target }) =>
    parents.map((parent) => join(target, cleanPath(parent))),
  )
  return (await Promise.all([...new Set(directories)].map((directory) => named('cgroup', directory)))).flat()
}

async function mountsOf(roots: Roots): Promise<readonly Leftover[]> {
  const places = [overlayRoot(roots), containersRoot(roots), bundlesRoot(roots)]
  const below = (await Promise.all(places.map(mountsBelow))).flat()
  return below.toReversed().flatMap(({ target }) => {
    const id = target.split('/').find((name) => containerId.test(name))
    return id === undefined ? [] : [{ kind: 'mount' as const, id, path: target }]
  })
}

/** A container's layer is told from an image's by the init layer that is made before it and removed after it. */
async function layers(roots: Roots): Promise<readonly Leftover[]> {
  const inits = [...(await list(overlayRoot(roots))), ...(await linkedLayers(roots))]
  const names = inits.filter((name) => name.endsWith('-init')).map((name) => name.slice(0, -'-init'.length))
  const ids = [...new Set(names)].filter((id) => containerId.test(id))
  return ids.map((id) => ({ kind: 'layer', id, path: layerPath(roots, id) }))
}

/** Names of the layers that the short links lead to, there or not. */
async function linkedLayers(roots: Roots): Promise<readonly string[]> {
  const links = join(overlayRoot(roots), 'l')
  const targets = await Promise.all(
    (await list(links)).map((name) => readlink(join(links, name)).catch(() => '')),
  )
  return targets.map((target) => /^\.\.\/([^/]+)\/diff$/.exec(target)?.[1] ?? '')
}

async function list(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
