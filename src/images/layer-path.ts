/** Paths in a layer's archive: what they mean below the layer's root, and which of them speak of the layers below. Pure. */
import { TarError } from './tar-header.ts'

export interface LayerPath {
  /** Of the directory that holds it, relative; empty: the root. */
  readonly directory: string
  /** Never empty, `.`, `..` or with a slash. */
  readonly name: string
}

export type Meaning =
  /** The archive's root, whose owner and mode Docker leaves alone. */
  | { readonly kind: 'root' }
  | { readonly kind: 'plain'; readonly path: LayerPath }
  /** The file of that path is not in this layer's view. */
  | { readonly kind: 'whiteout'; readonly path: LayerPath }
  /** Nothing of the lower layers is seen in that directory. */
  | { readonly kind: 'opaque'; readonly directory: string }
  /** AUFS' own book-keeping. */
  | { readonly kind: 'ignored' }

const WHITEOUT = '.wh.'
const METADATA = '.wh..wh.'
const OPAQUE = '.wh..wh..opq'

/** @throws TarError if the name leads out of the layer. */
export function meaningOf(entryName: string): Meaning {
  const path = layerPath(entryName)
  if (path === undefined) return { kind: 'root' }
  if (path.name === OPAQUE) return { kind: 'opaque', directory: path.directory }
  if (
    fullPath(path)
      .split('/')
      .some((part) => part.startsWith(METADATA))
  )
    return { kind: 'ignored' }
  if (!path.name.startsWith(WHITEOUT)) return { kind: 'plain', path }
  const name = path.name.slice(WHITEOUT.length)
  if (name === '' || name === '.' || name === '..') throw outside(entryName)
  return { kind: 'whiteout', path: { directory: path.directory, name } }
}

/** Slashes, `.` and `..` resolved as text. @returns undefined for the root. @throws TarError if it leads out of the layer. */
export function layerPath(entryName: string): LayerPath | undefined {
  const parts: string[] = []
  for (const part of entryName.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) throw outside(entryName)
  }
  const name = parts.pop()
  return name === undefined ? undefined : { directory: parts.join('/'), name }
}

export const fullPath = ({ directory, name }: LayerPath): string =>
  directory === '' ? name : `${directory}/${name}`

const outside = (entryName: string): TarError =>
  new TarError(`${JSON.stringify(entryName)} is outside of the layer`)
