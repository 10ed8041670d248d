/** Options of a user's tmpfs on top of Docker's defaults. */
import { TallyError } from '../errors.ts'

const defaults = ['noexec', 'nosuid', 'nodev', 'rprivate']

/** Words that exclude each other, mount(8); the last one given holds. */
const exclusive: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['suid', 'nosuid'],
  ['dev', 'nodev'],
  ['exec', 'noexec'],
  ['sync', 'async'],
  ['dirsync'],
  ['remount'],
  ['mand', 'nomand'],
  ['atime', 'noatime'],
  ['diratime', 'nodiratime'],
  ['relatime', 'norelatime'],
  ['strictatime', 'nostrictatime'],
  ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'unbindable', 'runbindable'],
]

/** tmpfs(5) */
const settings = ['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']

/** @throws TallyError internal, exit code 128: `invalid tmpfs option ["foo" "1"]` */
export function tmpfsOptions(wanted: readonly string[]): readonly string[] {
  const options = [...defaults, ...wanted].filter((option) => option !== 'defaults')
  const kinds = options.map(kindOf)
  return options.filter((_, index) => kinds.lastIndexOf(kinds[index] ?? '') === index)
}

function kindOf(option: string): string {
  const group = exclusive.find((words) => words.includes(option))
  if (group !== undefined) return group.join()
  const [name = '', value] = splitOnce(option)
  if (value !== undefined && settings.includes(name)) return name
  const words = value === undefined ? [name] : [name, value]
  const message = `invalid tmpfs option [${words.map((word) => JSON.stringify(word)).join(' ')}]`
  throw new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128 })
}

function splitOnce(option: string): readonly [string, string?] {
  const at = option.indexOf('=')
  return at < 0 ? [option] : [option.slice(0, at), option.slice(at + 1)]
}
