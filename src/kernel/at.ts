/** Files relative to an open directory, without ever leaving it: openat2(2) and the *at calls. Synchronous: for worker threads and quick work. */
import { constants } from 'node:fs'
import { callSync } from './addon.ts'

/** A file's path; bytes that are not UTF-8 stay as they are. */
export type Path = string | Uint8Array

/** Stands for the working directory where a directory's descriptor is expected. */
export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_REMOVEDIR = 0x200

/** Flags of open(2) that Node does not name. */
export const O_PATH = 0o10000000
const O_CLOEXEC = 0o2000000

/**
 * How openat2(2) confines a path: `beneath` fails (EXDEV) where it would leave the directory, `in-root` takes the directory for `/` as a
 * chroot would. Links like /proc/<pid>/fd/0 are never followed; other links are unless `followLinks` is false (ELOOP). With `sameMount`
 * the path may not cross into another mount (EXDEV).
 */
export interface Confinement {
  readonly scope: 'beneath' | 'in-root'
  readonly followLinks?: boolean
  readonly sameMount?: boolean
}

const RESOLVE_NO_XDEV = 1n
const RESOLVE_NO_MAGICLINKS = 2n
const RESOLVE_NO_SYMLINKS = 4n
const RESOLVE_BENEATH = 8n
const RESOLVE_IN_ROOT = 16n

/** @returns a descriptor with O_CLOEXEC that the caller closes. @throws EXDEV, ELOOP, ENOENT … */
export function openConfined(
  root: number,
  path: Path,
  options: Confinement & { readonly flags: number; readonly mode?: number },
): number {
  const how = BigUint64Array.of(
    BigInt(options.flags | O_CLOEXEC),
    BigInt(options.mode ?? 0),
    resolveFlags(options),
  )
  return callSync('openat2', root, terminated(path), how, how.byteLength)
}

/** mkdirat(2); the umask applies. */
export function makeDirectoryAt(directory: number, name: Path, mode: number): void {
  callSync('mkdirat', directory, terminated(name), mode)
}

/** symlinkat(2) */
export function makeSymlinkAt(directory: number, name: Path, target: Path): void {
  callSync('symlinkat', terminated(target), directory, terminated(name))
}

/** linkat(2); a symbolic link is linked itself. */
export function makeLinkAt(
  from: { readonly directory: number; readonly name: Path; readonly flags?: number },
  to: { readonly directory: number; readonly name: Path },
): void {
  const { directory, name, flags = 0 } = from
  callSync('linkat', directory, terminated(name), to.directory, terminated(to.name), flags)
}

export interface Node {
  /** `constants.S_IFCHR`, `S_IFBLK`, `S_IFIFO` … with the permission bits; the umask applies. */
  readonly mode: number
  readonly major?: number
  readonly minor?: number
}

/** mknodat(2). Character device 0/0 is overlay's whiteout. */
export function makeNodeAt(directory: number, name: Path, { mode, major = 0, minor = 0 }: Node): void {
  callSync('mknodat', directory, terminated(name), mode, deviceNumber(major, minor))
}

export const whiteout: Node = { mode: constants.S_IFCHR }

/** fchownat(2). A symbolic link's own owner unless `flags` is 0. */
export function changeOwnerAt(
  directory: number,
  name: Path,
  owner: { readonly uid: number; readonly gid: number; readonly flags?: number },
): void {
  const { uid, gid, flags = AT_SYMLINK_NOFOLLOW } = owner
  callSync('fchownat', directory, terminated(name), uid, gid, flags)
}

/** fchmodat(2): the kernel's call has no flags and follows a symbolic link, so never give it one's name. */
export function changeModeAt(directory: number, name: Path, mode: number): void {
  callSync('fchmodat', directory, terminated(name), mode)
}

/** utimensat(2), of a symbolic link itself. Times are nanoseconds since 1970 and may be negative. */
export function setTimesAt(
  directory: number,
  name: Path,
  times: { readonly accessed: bigint; readonly modified: bigint },
): void {
  const pair = BigInt64Array.of(...timespec(times.accessed), ...timespec(times.modified))
  callSync('utimensat', directory, terminated(name), pair, AT_SYMLINK_NOFOLLOW)
}

/** unlinkat(2). @param flags `AT_REMOVEDIR` for an empty directory */
export function removeAt(directory: number, name: Path, flags = 0): void {
  callSync('unlinkat', directory, terminated(name), flags)
}

function resolveFlags({ scope, followLinks = true, sameMount = false }: Confinement): bigint {
  const confined = RESOLVE_NO_MAGICLINKS | (scope === 'beneath' ? RESOLVE_BENEATH : RESOLVE_IN_ROOT)
  return confined | (followLinks ? 0n : RESOLVE_NO_SYMLINKS) | (sameMount ? RESOLVE_NO_XDEV : 0n)
}

/** The kernel's encoding of a device number in 32 bits, makedev(3). */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12)
}

function timespec(nanoseconds: bigint): [bigint, bigint] {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return [(nanoseconds - fraction) / 1_000_000_000n, fraction]
}

/** Bytes get the closing NUL that a string gets in the addon. */
function terminated(path: Path): Path {
  return typeof path === 'string' ? path : Buffer.concat([path, Buffer.alloc(1)])
}
