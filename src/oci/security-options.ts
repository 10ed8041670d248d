/** `--security-opt`: what the strings of HostConfig.SecurityOpt ask for. */
import { badRequest } from '../errors.ts'

export interface SecurityOptions {
  readonly noNewPrivileges: boolean
  /** Absent: the default policy. `unconfined`: none. Else a profile as JSON, which the client has read from its file. */
  readonly seccomp?: string
  readonly apparmor?: string
}

/** @throws TallyError bad-request `invalid --security-opt 1: "x"` (no value) or `2` (unknown name or value). */
export function securityOptions(options: readonly string[] | null): SecurityOptions {
  return Object.assign({ noNewPrivileges: false }, ...(options ?? []).map(securityOption))
}

function securityOption(option: string): Partial<SecurityOptions> {
  if (option === 'no-new-privileges') return { noNewPrivileges: true }
  if (option === 'disable') return {}
  const separator = option.includes('=') ? option.indexOf('=') : option.indexOf(':')
  if (separator < 0) throw invalid(1, option)
  return namedOption(option, { name: option.slice(0, separator), value: option.slice(separator + 1) })
}

/** SELinux labels are accepted and have no effect: no Debian kernel that we run on enforces SELinux. */
function namedOption(
  option: string,
  { name, value }: { readonly name: string; readonly value: string },
): Partial<SecurityOptions> {
  switch (name) {
    case 'label':
      return {}
    case 'apparmor':
      return { apparmor: value }
    case 'seccomp':
      return { seccomp: value }
    case 'no-new-privileges':
      return { noNewPrivileges: truth(option, value) }
    default:
      throw invalid(2, option)
  }
}

/** Go's strconv.ParseBool. */
function truth(option: string, value: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(value)) return true
  if (/^(0|f|F|false|FALSE|False)$/.test(value)) return false
  throw invalid(2, option)
}

const invalid = (kind: 1 | 2, option: string): Error =>
  badRequest(`invalid --security-opt ${kind}: ${JSON.stringify(option)}`)
