/** How mounts that appear later travel between the host and a bind, mount_namespaces(7). */
import { TallyError } from '../errors.ts'
import type { SourcePropagation } from './facts.ts'
import type { UserMount } from './user-mount.ts'

type Bind = Extract<UserMount, { type: 'bind' }>

export interface PropagationFacts {
  readonly dataRoot: string
  readonly sources: Readonly<Record<string, SourcePropagation>>
}

/**
 * What was asked for; else `rprivate`. A bind that holds the data root (of `/`, say) gets `rslave` if its mount can: a private copy would
 * keep other containers' root file systems mounted after they are gone.
 * @throws TallyError internal, exit code 128: `path /x is mounted on / but it is not a shared mount`
 */
export function bindPropagation({ source, propagation }: Bind, facts: PropagationFacts): string {
  const mount = facts.sources[source]
  if (propagation === undefined) return defaultPropagation(source, facts)
  if (isShared(propagation) && !mount?.shared) throw refused(source, mount, 'a shared mount')
  if (isSlave(propagation) && !mount?.shared && !mount?.slave)
    throw refused(source, mount, 'a shared or slave mount')
  return propagation
}

/** The container's root must pass on what its binds receive. Empty: the runtime's default. */
export function rootPropagation(binds: readonly string[]): string | undefined {
  if (binds.some(isShared)) return 'shared'
  return binds.some(isSlave) ? 'rslave' : undefined
}

/** The binds for which the worker has to look up how their source's mount propagates. */
export function needsPropagationFacts({ source, propagation }: Bind, dataRoot: string): boolean {
  if (propagation === undefined) return overlaps(source, dataRoot)
  return isShared(propagation) || isSlave(propagation)
}

function defaultPropagation(source: string, { dataRoot, sources }: PropagationFacts): string {
  const mount = sources[source]
  const canReceive = mount !== undefined && (mount.shared || mount.slave)
  return overlaps(source, dataRoot) && canReceive ? 'rslave' : 'rprivate'
}

const isShared = (mode: string): boolean => mode === 'shared' || mode === 'rshared'
const isSlave = (mode: string): boolean => mode === 'slave' || mode === 'rslave'

function overlaps(source: string, dataRoot: string): boolean {
  return isWithin(source, dataRoot) || isWithin(dataRoot, source)
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)
}

function refused(source: string, mount: SourcePropagation | undefined, wanted: string): TallyError {
  const message = `path ${source} is mounted on ${mount?.mountPoint ?? '/'} but it is not ${wanted}`
  return new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128 })
}
