/**
 * What is known of each layer, as Docker's layerdb keeps it: `<image root>/layerdb/sha256/<chain id>/` with the files `diff` (diff id),
 * `cache-id` (name of the directory below overlay2), `size` and `parent` (chain id of the layer under it, absent for the lowest).
 *
 * A chain id names a layer together with all below it (OCI image spec, config.md): the lowest one's is its diff id, any other's the digest
 * of `<chain id below> <diff id>`. The directory below overlay2 is named by the chain id's 64 digits: the same layers, the same directory.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { moveDurably, syncDirectory, writeDurably } from './durable.ts'

export interface Layer {
  /** `sha256:` and hex, as are all. */
  readonly chainId: string
  readonly diffId: string
  readonly parent: string | undefined
  /** Of its directory below overlay2. */
  readonly name: string
  /** Bytes of its regular files. */
  readonly size: number
}

export const layerName = (chainId: string): string => chainId.replace(/^sha256:/, '')

export function chainId(parent: string | undefined, diffId: string): string {
  if (parent === undefined) return diffId
  return `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`
}

export const recordsRoot = (imageRoot: string): string => join(imageRoot, 'layerdb', 'sha256')

/** @param aside a fresh directory of the same file system. */
export async function writeRecord(root: string, layer: Layer, aside: string): Promise<void> {
  const made = join(aside, 'record')
  const scratch = join(aside, 'scratch')
  await Promise.all([made, scratch].map((path) => mkdir(path, { mode: 0o700 })))
  const files = { diff: layer.diffId, 'cache-id': layer.name, size: String(layer.size), parent: layer.parent }
  for (const [name, text] of Object.entries(files))
    if (text !== undefined) await writeDurably(join(made, name), text, scratch)
  await moveDurably(made, join(root, layer.name))
}

export async function removeRecord(root: string, { name }: Layer): Promise<void> {
  await rm(join(root, name), { recursive: true, force: true })
  await syncDirectory(root)
}

/** All layers recorded below `root`. */
export async function readRecords(root: string): Promise<readonly Layer[]> {
  const names = await readdir(root)
  return await Promise.all(
    names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => readRecord(root, name)),
  )
}

async function readRecord(root: string, name: string): Promise<Layer> {
  const text = (file: string) => readFile(join(root, name, file), 'utf8')
  const parent = await text('parent').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  })
  const [diffId, directory, size] = await Promise.all([text('diff'), text('cache-id'), text('size')])
  return { chainId: `sha256:${name}`, diffId, parent, name: directory, size: Number(size) }
}
