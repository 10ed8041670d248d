/** Why a file system takes no writes, which SQLite does not say: it has one code for everything but a full disk. */
import { existsSync, mkdtempSync, realpathSync, rmdirSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'

const refusals: ReadonlySet<unknown> = new Set(['EROFS', 'EDQUOT', 'ENOSPC'])

/**
 * Tries to write beside `path`. Not to the file itself: its descriptor's close would drop SQLite's locks. And access(2) does not know of
 * ext4's emergency read-only state.
 * @returns errno's words, as `read-only file system`; undefined if it can be written, or for another error.
 */
export function whyRefused(path: string): string | undefined {
  try {
    rmdirSync(mkdtempSync(`${followed(path)}.probe-`))
    return undefined
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && refusals.has(error.code))) return undefined
    return 'errno' in error ? getSystemErrorMap().get(Number(error.errno))?.[1] : undefined
  }
}

/** The database may be a link to another disk. */
const followed = (path: string): string => (existsSync(path) ? realpathSync(path) : path)
