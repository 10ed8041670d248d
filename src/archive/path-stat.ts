/** What Docker says about a path in a container: the value of X-Docker-Container-Path-Stat. */
import { type BigIntStats, constants } from 'node:fs'

export interface PathStat {
  readonly name: string
  readonly size: number
  /** In Go's own bits, os.FileMode. */
  readonly mode: number
  /** RFC 3339 with nanoseconds. */
  readonly mtime: string
  /** Where a symbolic link leads in the container, absolute; else empty. */
  readonly linkTarget: string
}

const goKinds: readonly (readonly [number, number])[] = [
  [constants.S_IFDIR, 2 ** 31],
  [constants.S_IFLNK, 2 ** 27],
  [constants.S_IFBLK, 2 ** 26],
  [constants.S_IFCHR, 2 ** 26 + 2 ** 21],
  [constants.S_IFIFO, 2 ** 25],
  [constants.S_IFSOCK, 2 ** 24],
]

const goBits: readonly (readonly [number, number])[] = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
]

/** https://pkg.go.dev/io/fs#FileMode */
export function goMode(mode: number): number {
  const kind = goKinds.find(([unix]) => unix === (mode & constants.S_IFMT))?.[1] ?? 0
  const bits = goBits.filter(([unix]) => (mode & unix) !== 0).map(([, go]) => go)
  return [kind, ...bits].reduce((sum, each) => sum + each, mode & 0o777)
}

export function pathStat(stats: BigIntStats, name: string, linkTarget: string): PathStat {
  const { size, mode, mtimeNs } = stats
  return { name, size: Number(size), mode: goMode(Number(mode)), mtime: goTime(mtimeNs), linkTarget }
}

/** Go leaves out zeros at the end of a fraction. */
function goTime(nanoseconds: bigint): string {
  const second = 1_000_000_000n
  const fraction = ((nanoseconds % second) + second) % second
  const whole = new Date(Number((nanoseconds - fraction) / 1_000_000n)).toISOString().slice(0, 19)
  const digits = fraction.toString().padStart(9, '0').replace(/0+$/, '')
  return `${whole}${digits === '' ? '' : `.${digits}`}Z`
}
