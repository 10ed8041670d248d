/** A directory tree whose paths are resolved by the kernel as a chroot would, so that no link in it leads out. Synchronous: for a worker thread. */
import { closeSync, constants, lstatSync, openSync, readdirSync, type Stats } from 'node:fs'
import { callSync, failedWith } from '../kernel/addon.ts'
import {
  AT_REMOVEDIR,
  changeModeAt,
  changeOwnerAt,
  makeDirectoryAt,
  O_PATH,
  openConfined,
  removeAt,
} from '../kernel/at.ts'
import type { LayerPath } from './layer-path.ts'

const DIRECTORY = O_PATH | constants.O_DIRECTORY
const IMPLIED_MODE = 0o755

/** A name in an open directory. */
export interface Place {
  readonly directory: number
  readonly name: Buffer
}

export class ConfinedRoot {
  readonly #root: number
  /** Archives list a directory's files together, so one open directory serves most entries. */
  #last: { readonly path: string; readonly fd: number } | undefined

  constructor(path: string) {
    this.#root = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  }

  /** Of the root itself, for syncfs(2). */
  get fd(): number {
    return this.#root
  }

  /** Where `path` is to be made; missing directories on the way are made. The descriptor is valid until the next call. */
  place({ directory, name }: LayerPath): Place {
    return { directory: this.directory(directory), name: bytes(name) }
  }

  /** The open directory of that path, made if it is missing. Valid until the next call. */
  directory(path: string): number {
    if (path === '') return this.#root
    if (this.#last?.path === path) return this.#last.fd
    const fd = this.#open(path) ?? this.#make(path)
    this.#forget()
    this.#last = { path, fd }
    return fd
  }

  /** A descriptor of its own of an existing directory. @returns undefined if there is none. */
  #open(path: string): number | undefined {
    try {
      return openConfined(this.#root, bytes(path === '' ? '.' : path), { scope: 'in-root', flags: DIRECTORY })
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /** Runs `use` with the place of something that must be there already, as far as its directory goes. @throws SyscallError ENOENT */
  existing<T>({ directory, name }: LayerPath, use: (place: Place) => T): T {
    const path = bytes(directory === '' ? '.' : directory)
    const fd = openConfined(this.#root, path, { scope: 'in-root', flags: DIRECTORY })
    try {
      return use({ directory: fd, name: bytes(name) })
    } finally {
      closeSync(fd)
    }
  }

  /** Removes what is there, whole. Nothing there is fine. @returns bytes of the files that are gone. */
  remove(place: Place): number {
    const found = statAt(place)
    if (found === undefined) return 0
    const freed = removeTree(place, found)
    this.#forgetChanged(place.directory)
    return freed
  }

  close(): void {
    this.#forget()
    closeSync(this.#root)
  }

  #make(path: string): number {
    const slash = path.lastIndexOf('/')
    const above = slash < 0 ? '' : path.slice(0, slash)
    const parent = this.#open(above) ?? this.#make(above)
    try {
      makeImplied({ directory: parent, name: bytes(path.slice(slash + 1)) })
    } finally {
      closeSync(parent)
    }
    return openConfined(this.#root, bytes(path), { scope: 'in-root', flags: DIRECTORY })
  }

  #forget(): void {
    if (this.#last !== undefined) closeSync(this.#last.fd)
    this.#last = undefined
  }

  /** What was removed may have been part of the remembered path; the directory in use stays open. */
  #forgetChanged(inUse: number): void {
    if (this.#last !== undefined && this.#last.fd === inUse) this.#last = { path: '\0', fd: inUse }
    else this.#forget()
  }
}

/** lsetxattr(2) */
export function setAttributeAt(place: Place, attribute: string, value: Buffer): void {
  const path = Buffer.concat([pathOf(place), Buffer.alloc(1)])
  callSync('lsetxattr', path, attribute, value, value.length, 0)
}

/** A path for calls that take no descriptor; it leads to that very place. */
const pathOf = ({ directory, name }: Place): Buffer =>
  Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), name])

/** lstat(2). @returns undefined if there is nothing. */
export const statAt = (place: Place): Stats | undefined => lstatSync(pathOf(place), { throwIfNoEntry: false })

const bytes = (binary: string): Buffer => Buffer.from(binary, 'latin1')

function makeImplied({ directory, name }: Place): void {
  try {
    makeDirectoryAt(directory, name, IMPLIED_MODE)
  } catch (error) {
    if (failedWith(error, 'EEXIST')) return
    throw error
  }
  changeOwnerAt(directory, name, { uid: 0, gid: 0 })
  changeModeAt(directory, name, IMPLIED_MODE)
}

function removeTree(place: Place, found: Stats): number {
  if (!found.isDirectory()) {
    removeAt(place.directory, place.name)
    return found.nlink === 1 ? found.size : 0
  }
  const freed = removeChildren(place)
  removeAt(place.directory, place.name, AT_REMOVEDIR)
  return freed
}

function removeChildren({ directory, name }: Place): number {
  const options = { scope: 'beneath', followLinks: false, flags: DIRECTORY } as const
  const fd = openConfined(directory, name, options)
  try {
    let freed = 0
    for (const child of readdirSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' })) {
      const place = { directory: fd, name: child }
      const found = statAt(place)
      if (found !== undefined) freed += removeTree(place, found)
    }
    return freed
  } finally {
    closeSync(fd)
  }
}
