/** The short names of layers: mount(2) takes one page of options, and a list of 64-digit directory names would soon fill it. */
import { createHash } from 'node:crypto'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const LINK_LENGTH = 26

/** What overlay2 allows below a container: the kernel's own limit is 500, Docker's is this. */
export const MAX_LAYERS = 128

/**
 * 26 upper-case base32 characters (RFC 4648), as overlay2 has them. Docker draws them at random; ours are the first 130 bits of the
 * SHA-256 of the layer's name, so that making a layer again after a crash makes the same link again.
 */
export function shortLink(layer: string): string {
  const digest = createHash('sha256').update(layer).digest()
  return Array.from({ length: LINK_LENGTH }, (_, index) => ALPHABET[fiveBits(digest, index * 5)]).join('')
}

/** The text of a layer's `lower` file and of overlayfs' `lowerdir=`, relative to the overlay root. @param layers the lowest first. */
export const lowerChain = (layers: readonly string[]): string =>
  layers
    .map((layer) => `l/${shortLink(layer)}`)
    .reverse()
    .join(':')

/**
 * Writes `link` and, unless it is the lowest, `lower` and `work` into the directory of a layer. Running it again changes nothing.
 * @param directory where the layer is being made; @param below the layers under it, the lowest first.
 */
export async function writeLayerFiles(
  directory: string,
  layer: string,
  below: readonly string[],
): Promise<void> {
  await writeFile(join(directory, 'link'), shortLink(layer), { mode: 0o644 })
  if (below.length === 0) return
  await writeFile(join(directory, 'lower'), lowerChain(below), { mode: 0o644 })
  await mkdir(join(directory, 'work'), { recursive: true, mode: 0o700 })
}

/** Makes `<overlay root>/l/<link>` → `../<layer>/diff`. Running it again changes nothing. */
export async function linkLayer(overlayRoot: string, layer: string): Promise<void> {
  const links = join(overlayRoot, 'l')
  await mkdir(links, { recursive: true, mode: 0o700 })
  await symlink(join('..', layer, 'diff'), join(links, shortLink(layer))).catch(unlessThere)
}

function fiveBits(bytes: Uint8Array, offset: number): number {
  const index = offset >> 3
  const pair = ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0)
  return (pair >> (11 - (offset & 7))) & 31
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
