/** What is mounted where: /proc/self/mountinfo, proc_pid_mountinfo(5). */
import { readFile } from 'node:fs/promises'

export interface Mount {
  readonly id: number
  readonly parent: number
  /** The directory of the file system that is mounted; `/` unless bound. */
  readonly root: string
  readonly target: string
  readonly type: string
  readonly source: string
  /** Of this mount (`rw,nosuid`). */
  readonly flags: readonly string[]
  /** Of the file system (`lowerdir=…`). */
  readonly options: readonly string[]
  /** `shared:5`, `master:3`, `unbindable`; nothing for a private mount. */
  readonly propagation: readonly string[]
}

/** What is mounted on exactly this path; the topmost if there are several. */
export async function mountAt(target: string): Promise<Mount | undefined> {
  return (await mounts()).findLast((mount) => mount.target === target)
}

/** What is mounted below a directory, in the order of mounting; a mount on the directory itself is not among it. */
export async function mountsBelow(directory: string): Promise<readonly Mount[]> {
  const prefix = directory.endsWith('/') ? directory : `${directory}/`
  return (await mounts()).filter((mount) => mount.target.startsWith(prefix) && mount.target !== prefix)
}

/** All mounts of this process's mount namespace. */
export async function mounts(): Promise<readonly Mount[]> {
  return parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'))
}

export function parseMountinfo(text: string): readonly Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine)
}

function parseLine(line: string): Mount {
  const fields = line.split(' ')
  const dash = fields.indexOf('-', 6)
  const [id = '', parent = '', , root = '', target = '', flags = ''] = fields
  const [type = '', source = '', options = ''] = fields.slice(dash + 1)
  return {
    id: Number(id),
    parent: Number(parent),
    root: decode(root),
    target: decode(target),
    type,
    source: decode(source),
    flags: flags.split(','),
    options: options.split(',').map(decode),
    propagation: fields.slice(6, dash),
  }
}

/** Space, tab, newline, backslash, `#` and (in options) comma are written as a backslash and three octal digits. */
function decode(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
