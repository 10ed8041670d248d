/** Owner, attributes, mode and times of an entry of a layer. Synchronous: for a worker thread. */
import { failedWith } from '../kernel/addon.ts'
import { changeModeAt, changeOwnerAt, setTimesAt } from '../kernel/at.ts'
import { type Place, setAttributeAt, statAt } from './confined-root.ts'
import type { TarEntry } from './tar-header.ts'

const ATTRIBUTE_RECORD = 'SCHILY.xattr.'

/** Owner first: chown(2) takes set-uid and file capabilities away. */
export function applyMetadata(place: Place, entry: TarEntry): void {
  changeOwner(place, entry)
  applyAttributes(place, entry)
  if (hasMode(place, entry)) changeModeAt(place.directory, place.name, entry.mode)
  setTimesAt(place.directory, place.name, { accessed: entry.modified, modified: entry.modified })
}

export function changeOwner({ directory, name }: Place, { uid, gid }: TarEntry): void {
  changeOwnerAt(directory, name, { uid, gid })
}

/** A hard link may be to a symbolic link, and chmod(2) would follow that. */
function hasMode(place: Place, { type }: TarEntry): boolean {
  if (type === 'link') return statAt(place)?.isSymbolicLink() === false
  return type !== 'symlink'
}

function applyAttributes(place: Place, { pax }: TarEntry): void {
  for (const [record, value] of pax) {
    if (!record.startsWith(ATTRIBUTE_RECORD)) continue
    const name = record.slice(ATTRIBUTE_RECORD.length)
    if (!isOverlayOwn(name)) setAttribute(place, name, Buffer.from(value, 'latin1'))
  }
}

/** Only whiteout names speak to overlayfs: an archive could otherwise redirect one path of a lower layer to another. */
const isOverlayOwn = (name: string): boolean => /^(trusted|user)\.overlay\./.test(name)

/** Like Docker, without those that the file system has no room for or that files of this type cannot have. */
function setAttribute(place: Place, name: string, value: Buffer): void {
  try {
    setAttributeAt(place, name, value)
  } catch (error) {
    if (failedWith(error, 'ENOTSUP', 'EOPNOTSUPP')) return
    if (failedWith(error, 'EPERM') && name.startsWith('user.')) return
    throw error
  }
}
