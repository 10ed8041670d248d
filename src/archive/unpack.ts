/** `PUT /containers/{id}/archive`: an archive into a directory of the container. For a worker thread. */
import { closeSync, constants, fstatSync, readSync } from 'node:fs'
import { TallyError } from '../errors.ts'
import { StreamBytes } from '../images/byte-source.ts'
import { decompress } from '../images/decompress.ts'
import { DiskRoom } from '../images/disk-room.ts'
import { TarError } from '../images/tar-header.ts'
import { TarReader } from '../images/tar-reader.ts'
import { failedWith } from '../kernel/addon.ts'
import { settleBind } from '../kernel/mount-namespace.ts'
import { resolveUser } from '../oci/user.ts'
import { closing, pathOf, reopen } from './inode.ts'
import { extractionPoint } from './locate.ts'
import type { Unpack } from './messages.ts'
import { TreeWriter } from './tree-writer.ts'
import { openInRoot, type View } from './view.ts'

/** passwd(5) and group(5) are read no further: a container's could be endless. */
const MAX_ACCOUNTS = 1024 * 1024

export async function unpack(
  { view, path, readOnlyRoot, keepKinds, user }: Unpack,
  root: number,
  archive: AsyncGenerator<Uint8Array>,
): Promise<void> {
  const point = extractionPoint(root, path)
  refuseReadOnly(view, point, readOnlyRoot)
  if (readOnlyRoot) settleBind(root, { writable: false })
  const owner = user === undefined ? undefined : ownerIn(root, user)
  const writer = new TreeWriter({ root, point, keepKinds, ...(owner && { owner }) })
  const directory = openInRoot(root, Buffer.from(point === '' ? '.' : point, 'latin1'))
  try {
    const tar = new TarReader(new StreamBytes(decompress(archive)))
    await writeAll(tar, writer, new DiskRoom(pathOf(directory)))
    writer.finish()
  } finally {
    closeSync(directory)
  }
}

async function writeAll(tar: TarReader, writer: TreeWriter, disk: DiskRoom): Promise<void> {
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next())
    await writer.add(entry, dataOf(tar, disk))
}

async function* dataOf(tar: TarReader, disk: DiskRoom): AsyncGenerator<Buffer> {
  for (let part = await tar.read(); part !== undefined; part = await tar.read()) {
    disk.take(part.length)
    yield part
  }
}

/** @throws TallyError internal, as Docker has it */
function refuseReadOnly({ mounts }: View, point: string, readOnlyRoot: boolean): void {
  const path = `/${Buffer.from(point, 'latin1').toString()}/`
  const volume = mounts.findLast(({ destination }) => path.startsWith(`${destination.replace(/\/$/, '')}/`))
  if (volume?.writable === false) throw new TallyError('internal', 'mounted volume is marked read-only')
  if (volume === undefined && readOnlyRoot)
    throw new TallyError('internal', 'container rootfs is marked read-only')
}

/** Looked up in the container's own files, as text: no program and no library of the container is run or loaded. */
function ownerIn(root: number, user: string): { readonly uid: number; readonly gid: number } {
  const accounts = { passwd: textIn(root, 'etc/passwd'), group: textIn(root, 'etc/group') }
  return resolveUser({ user, groupAdd: null }, accounts)
}

function textIn(root: number, path: string): string | null {
  try {
    return closing(openInRoot(root, path), readRegular)
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}

function readRegular(fd: number): string {
  if (!fstatSync(fd).isFile()) throw new TarError('/etc/passwd and /etc/group must be regular files')
  return closing(reopen(fd, constants.O_RDONLY), (file) => {
    const buffer = Buffer.alloc(MAX_ACCOUNTS)
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, 0))
  })
}
