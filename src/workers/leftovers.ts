/**
 * Everything of containers that is to be seen on the machine: what the engine compares with its log when it starts. Only what lies beneath our
 * own roots and our own control groups and is named by a container's id is looked at; whatever else is there is somebody else's.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { failedWith } from '../kernel/addon.ts'
import { mounts, mountsBelow } from '../kernel/mountinfo.ts'
import { detach } from '../kernel/mounts.ts'
import { isAlive, startTicks } from '../kernel/process-identity.ts'
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

/** What a container has while it runs, in the order in which it is released, then what belongs to it as long as it exists. */
export const leftoverKinds = ['shim', 'cgroup', 'runtime-state', 'mount', 'bundle', 'layer', 'files'] as const

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

async function release(roots: Roots, { kind, id, path }: Leftover): Promise<void> {
  switch (kind) {
    case 'shim':
      return killShim(roots, { id, pid: Number(path) })
    case 'cgroup':
      await killCgroup([path])
      return void (await removeCgroup([path]))
    case 'mount':
      return detach(path)
    case 'runtime-state':
    case 'bundle':
      return rm(path, { recursive: true, force: true })
    case 'layer':
      return removeContainerLayers(roots, id)
    case 'files':
      return removeContainerFiles(roots, id)
  }
}

async function named(kind: LeftoverKind, directory: string): Promise<readonly Leftover[]> {
  const ids = (await list(directory)).filter((name) => containerId.test(name))
  return ids.map((id) => ({ kind, id, path: join(directory, id) }))
}

/** Every hierarchy has a directory of its own for a group, cgroups(7). */
async function cgroups(parents: readonly string[]): Promise<readonly Leftover[]> {
  const hierarchies = (await mounts()).filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
  const directories = hierarchies.flatMap(({ target }) => parents.map((parent) => join(target, parent)))
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
  const inits = (await list(overlayRoot(roots))).filter((name) => name.endsWith('-init'))
  const ids = inits.map((name) => name.slice(0, -'-init'.length)).filter((id) => containerId.test(id))
  return ids.map((id) => ({ kind: 'layer', id, path: layerPath(roots, id) }))
}

/** Shims whose directory has gone: nobody would find them any more. The others are the supervisor's. */
async function shims(roots: Roots): Promise<readonly Leftover[]> {
  const pids = (await list('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const directory = await shimDirectory(roots, pid)
      const id = directory?.slice(supervisorRoot(roots).length + 1).split('/')[0] ?? ''
      const lost = directory !== undefined && containerId.test(id) && !existsSync(directory)
      return lost ? [{ kind: 'shim' as const, id, path: pid }] : []
    }),
  )
  return found.flat()
}

async function shimDirectory(roots: Roots, pid: string): Promise<string | undefined> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  const directory = words[words.indexOf('--dir') + 1] ?? ''
  const isShim = words[0]?.endsWith('/tally-shim') === true && words[1] === '--dir'
  return isShim && directory.startsWith(`${supervisorRoot(roots)}/`) ? directory : undefined
}

/** Its pid may be another's by now, so it is looked at again. */
async function killShim(
  roots: Roots,
  { id, pid }: { readonly id: string; readonly pid: number },
): Promise<void> {
  const ticks = startTicks(pid)
  const directory = await shimDirectory(roots, String(pid))
  if (ticks === undefined || !directory?.startsWith(`${supervisorRoot(roots)}/${id}/`)) return
  if (isAlive({ pid, startTicks: ticks })) process.kill(pid, 'SIGKILL')
}

async function list(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
