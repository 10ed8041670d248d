/** Who a container's process runs as: `User` and `GroupAdd` looked up in the image's own /etc/passwd and /etc/group. */
import { TallyError } from '../errors.ts'
import type { User } from './runtime-spec.ts'

/** Texts of passwd(5) and group(5); null if the image has no such file. */
export interface Accounts {
  readonly passwd: string | null
  readonly group: string | null
}

export interface UserOptions {
  /** `name`, `uid`, `name:group`, `uid:gid` and mixtures; empty: root. */
  readonly user: string
  readonly groupAdd: readonly string[] | null
}

interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

interface GroupEntry {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

const largestId = 2 ** 31 - 1

/**
 * A number is always an id, even if an account has it as its name. Without an explicit group the account's supplementary groups are added.
 * The primary group is among the additional ones too, as Docker has it since CVE-2022-36109.
 * @throws TallyError internal, exit code 128: `unable to find user x: no matching entries in passwd file`
 */
export function resolveUser({ user, groupAdd }: UserOptions, { passwd, group }: Accounts): User {
  const [userName = '', groupName = ''] = user.split(':')
  const account = findAccount(userName, passwdEntries(passwd))
  const groups = groupEntries(group)
  const gid = groupName === '' ? account.gid : findGroup(groupName, groups)
  const supplementary = groupName === '' ? groupsOf(account.name, groups) : []
  const added = (groupAdd ?? []).map((name) => addedGroup(name, groups))
  return { uid: account.uid, gid, additionalGids: [...new Set([gid, ...supplementary, ...added])] }
}

function findAccount(name: string, entries: readonly PasswdEntry[]): PasswdEntry {
  const id = name === '' ? 0 : numeric(name)
  const found = entries.find((entry) => (id === undefined ? entry.name === name : entry.uid === id))
  if (found !== undefined) return found
  if (id === undefined) throw noSuchAccount(`unable to find user ${name}: no matching entries in passwd file`)
  return { name: '', uid: inRange(id), gid: 0 }
}

function findGroup(name: string, entries: readonly GroupEntry[]): number {
  const id = numeric(name)
  const found = entries.find((entry) => (id === undefined ? entry.name === name : entry.gid === id))
  if (found !== undefined) return found.gid
  if (id === undefined) throw noSuchAccount(`unable to find group ${name}: no matching entries in group file`)
  return inRange(id)
}

/** Here a group whose name is a number is found by it, and Docker's message begins with a capital. */
function addedGroup(name: string, entries: readonly GroupEntry[]): number {
  const found = entries.find((entry) => entry.name === name || String(entry.gid) === name)
  if (found !== undefined) return found.gid
  const id = numeric(name)
  if (id === undefined) throw noSuchAccount(`Unable to find group ${name}: no matching entries in group file`)
  return inRange(id)
}

function groupsOf(name: string, entries: readonly GroupEntry[]): readonly number[] {
  if (name === '') return []
  return entries.filter(({ members }) => members.includes(name)).map(({ gid }) => gid)
}

function passwdEntries(text: string | null): readonly PasswdEntry[] {
  return records(text).map(([name = '', , uid, gid]) => ({ name, uid: idField(uid), gid: idField(gid) }))
}

function groupEntries(text: string | null): readonly GroupEntry[] {
  return records(text).map(([name = '', , gid, members = '']) => ({
    name,
    gid: idField(gid),
    members: members.split(','),
  }))
}

function records(text: string | null): readonly (readonly string[])[] {
  const lines = (text ?? '').split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(':'))
}

const numeric = (text: string): number | undefined => (/^[+-]?\d+$/.test(text) ? Number(text) : undefined)

/** A broken field counts as 0, as runc reads it too: both must see the same account. */
const idField = (text = ''): number => numeric(text) ?? 0

function inRange(id: number): number {
  if (id >= 0 && id <= largestId) return id
  throw noSuchAccount(`uids and gids must be in range 0-${largestId}`)
}

const noSuchAccount = (message: string): TallyError =>
  new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128 })
