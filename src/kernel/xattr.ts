/** Extended attributes, xattr(7). Synchronous; to stay below a directory, name files by `/proc/self/fd/<descriptor>`. */
import { callSync, failedWith } from './addon.ts'

/** fgetxattr(2). @returns undefined if the file has no such attribute. */
export function attribute(fd: number, name: string): Buffer | undefined {
  try {
    const value = Buffer.alloc(callSync('fgetxattr', fd, name, null, 0))
    return value.subarray(0, callSync('fgetxattr', fd, name, value, value.length))
  } catch (error) {
    if (failedWith(error, 'ENODATA')) return undefined
    throw error
  }
}

/** fsetxattr(2) */
export function setAttribute(fd: number, name: string, value: Uint8Array): void {
  callSync('fsetxattr', fd, name, value, value.length, 0)
}

/** setxattr(2), lsetxattr(2): by name, for what cannot be opened. @param follow whether a symbolic link at the end is followed */
export function setAttributeOf(path: string, attributeName: string, value: Uint8Array, follow = false): void {
  callSync(follow ? 'setxattr' : 'lsetxattr', path, attributeName, value, value.length, 0)
}

/** lgetxattr(2). @returns undefined if the file has no such attribute. */
export function attributeOf(path: string, name: string): Buffer | undefined {
  try {
    const value = Buffer.alloc(callSync('lgetxattr', path, name, null, 0))
    return value.subarray(0, callSync('lgetxattr', path, name, value, value.length))
  } catch (error) {
    if (failedWith(error, 'ENODATA')) return undefined
    throw error
  }
}
