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
  /** Of the file system (`lowerdir=…`), each as the kernel writes it. */
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
  const fields = line.split(' ').map(decode)
  const dash = fields.indexOf('-', 6)
  const [id = '', parent = '', , root = '', target = '', flags = ''] = fields
  const [type = '', source = '', options = ''] = fields.slice(dash + 1)
  return {
    id: Number(id),
    parent: Number(parent),
    root,
    target,
    type,
    source,
    flags: flags.split(','),
    options: splitOptions(options),
    propagation: fields.slice(6, dash),
  }
}

/** Space, tab, newline, backslash and `#` are written as a backslash and three octal digits. */
function decode(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** At commas that have no backslash before them. */
function splitOptions(options: string): readonly string[] {
  return options.split(/(?<!\\),/)
}
