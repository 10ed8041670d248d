/** Puts the entries of one layer's archive on disk in overlayfs' form. Synchronous: for a worker thread. */
import { constants } from 'node:fs'
import { failedWith } from '../kernel/addon.ts'
import { makeDirectoryAt, makeLinkAt, makeNodeAt, makeSymlinkAt, setTimesAt, whiteout } from '../kernel/at.ts'
import { ConfinedRoot, type Place, setAttributeAt, statAt } from './confined-root.ts'
import { applyMetadata, changeOwner } from './entry-metadata.ts'
import { LayerFile } from './layer-file.ts'
import { fullPath, type LayerPath, layerPath, meaningOf } from './layer-path.ts'
import { type TarEntry, TarError } from './tar-header.ts'

const OPAQUE_ATTRIBUTE = 'trusted.overlay.opaque'
const YES = Buffer.from('y')
const SELF = Buffer.from('.')
const PRIVATE_MODE = 0o700

const nodeKinds = { character: constants.S_IFCHR, block: constants.S_IFBLK, fifo: constants.S_IFIFO } as const

/**
 * Entries are added in the archive's order; `close` comes last, since writing into a directory changes its time. Later entries of a path
 * replace earlier ones. A whiteout speaks of the layers below only, so it hides nothing that the same archive has.
 */
export class LayerWriter {
  readonly #root: ConfinedRoot
  readonly #directoryTimes = new Map<string, { readonly path: LayerPath; readonly modified: bigint }>()
  readonly #whiteouts = new Set<string>()
  #size = 0

  constructor(path: string) {
    this.#root = new ConfinedRoot(path)
  }

  /** Of the root, for syncfs(2). */
  get fd(): number {
    return this.#root.fd
  }

  /** Bytes of all files; a symbolic link's are those of its text, as Docker counts. */
  get size(): number {
    return this.#size
  }

  /** @returns where an entry's data goes, for a regular file; the caller closes it before the next entry. @throws TarError, SyscallError */
  add(entry: TarEntry): LayerFile | undefined {
    const meaning = meaningOf(entry.name)
    switch (meaning.kind) {
      case 'root':
      case 'ignored':
        return undefined
      case 'opaque':
        markOpaque({ directory: this.#root.directory(meaning.directory), name: SELF })
        return undefined
      case 'whiteout':
        this.#hide(meaning.path, entry)
        return undefined
      case 'plain':
        return this.#put(meaning.path, entry)
    }
  }

  /** Sets the directories' times and closes. */
  finish(): void {
    for (const { path, modified } of this.#directoryTimes.values()) this.#restoreTime(path, modified)
  }

  close(): void {
    this.#root.close()
  }

  #put(path: LayerPath, entry: TarEntry): LayerFile | undefined {
    switch (entry.type) {
      case 'file':
        return this.#putFile(path, entry)
      case 'directory':
        this.#putDirectory(path, entry)
        return undefined
      case 'link':
        this.#putLink(path, entry)
        return undefined
      case 'symlink':
        this.#putSymlink(path, entry)
        return undefined
      case 'character':
      case 'block':
      case 'fifo':
        this.#putNode(path, entry, nodeKinds[entry.type])
        return undefined
    }
  }

  #putFile(path: LayerPath, entry: TarEntry): LayerFile {
    const place = this.#root.place(path)
    this.#forgetPath(path)
    const file = this.#make(place, () => new LayerFile(place, entry))
    this.#size += entry.sparse?.size ?? entry.size
    return file
  }

  #putDirectory(path: LayerPath, entry: TarEntry): void {
    const place = this.#root.place(path)
    if (statAt(place)?.isDirectory() !== true)
      this.#make(place, () => makeDirectoryAt(place.directory, place.name, PRIVATE_MODE))
    if (this.#whiteouts.delete(fullPath(path))) markOpaque(place)
    applyMetadata(place, entry)
    this.#directoryTimes.set(fullPath(path), { path, modified: entry.modified })
  }

  /** A hard link's target is a path from the layer's root. */
  #putLink(path: LayerPath, entry: TarEntry): void {
    const target = layerPath(entry.linkName)
    if (target === undefined) throw new TarError(`invalid hard link ${JSON.stringify(entry.linkName)}`)
    this.#replacing(path, entry, (place) => this.#root.existing(target, (from) => makeLinkAt(from, place)))
  }

  #putSymlink(path: LayerPath, entry: TarEntry): void {
    const target = Buffer.from(entry.linkName, 'latin1')
    this.#replacing(path, entry, ({ directory, name }) => makeSymlinkAt(directory, name, target))
    this.#size += target.length
  }

  #putNode(path: LayerPath, entry: TarEntry, kind: number): void {
    const { major, minor } = entry.type === 'fifo' ? { major: 0, minor: 0 } : entry
    this.#replacing(path, entry, ({ directory, name }) =>
      makeNodeAt(directory, name, { mode: kind | 0o600, major, minor }),
    )
  }

  #replacing(path: LayerPath, entry: TarEntry, make: (place: Place) => void): void {
    const place = this.#root.place(path)
    this.#forgetPath(path)
    this.#make(place, () => make(place))
    applyMetadata(place, entry)
  }

  /** A directory that this layer brings and that also hides one below is opaque; any other file of this layer hides it by itself. */
  #hide(path: LayerPath, entry: TarEntry): void {
    const place = this.#root.place(path)
    const found = statAt(place)
    if (found?.isDirectory() === true) markOpaque(place)
    if (found !== undefined) return
    makeNodeAt(place.directory, place.name, whiteout)
    changeOwner(place, entry)
    this.#whiteouts.add(fullPath(path))
  }

  /** Makes something new, in the place of whatever an earlier entry had left there. */
  #make<T>(place: Place, make: () => T): T {
    try {
      return make()
    } catch (error) {
      if (!failedWith(error, 'EEXIST')) throw error
    }
    this.#size -= this.#root.remove(place)
    return make()
  }

  #forgetPath(path: LayerPath): void {
    this.#directoryTimes.delete(fullPath(path))
    this.#whiteouts.delete(fullPath(path))
  }

  #restoreTime(path: LayerPath, modified: bigint): void {
    const setTime = ({ directory, name }: Place) =>
      setTimesAt(directory, name, { accessed: modified, modified })
    try {
      this.#root.existing(path, setTime)
    } catch (error) {
      if (!failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error // a later entry has replaced it
    }
  }
}

function markOpaque(directory: Place): void {
  setAttributeAt(directory, OPAQUE_ATTRIBUTE, YES)
}
