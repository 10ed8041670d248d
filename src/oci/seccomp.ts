/** Seccomp policies: Docker's profile format resolved to what the runtime takes, seccomp(2). */
import type { HostConfig } from '../../machines/spec.ts'
import type { HostFacts } from './facts.ts'
import type { Seccomp, SeccompRule } from './runtime-spec.ts'
import defaultProfile from './seccomp-default.json' with { type: 'json' }
import {
  type Condition,
  type ProfileRule,
  parseSeccompProfile,
  type SeccompProfile,
} from './seccomp-profile.ts'
import { securityOptions } from './security-options.ts'

/** What a profile's conditions ask about. */
export interface SeccompFacts extends Pick<HostFacts, 'architecture' | 'kernelRelease'> {
  /** The container's bounding set. */
  readonly capabilities: readonly string[]
}

/** Undefined: no filter. @throws TallyError bad-request for a broken profile. */
export function seccomp(
  { SecurityOpt, Privileged }: Pick<HostConfig, 'SecurityOpt' | 'Privileged'>,
  facts: SeccompFacts,
): Seccomp | undefined {
  const wanted = securityOptions(SecurityOpt).seccomp
  if (Privileged || wanted === 'unconfined') return undefined
  return resolveProfile(wanted ? parseSeccompProfile(wanted) : defaultProfile, facts)
}

/** Keeps the rules whose conditions hold. A profile without default action and rules means no filter, as in Docker. */
export function resolveProfile(profile: SeccompProfile, facts: SeccompFacts): Seccomp | undefined {
  const { defaultAction = '', defaultErrnoRet } = profile
  const rules = profile.syscalls ?? []
  if (defaultAction === '' && rules.length === 0) return undefined
  const architectures = architecturesOf(profile, facts.architecture)
  return {
    defaultAction,
    ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    ...(architectures.length === 0 ? {} : { architectures }),
    syscalls: rules.filter((rule) => applies(rule, facts)).map(plainRule),
  }
}

function applies({ includes = {}, excludes = {} }: ProfileRule, facts: SeccompFacts): boolean {
  return isIncluded(includes, facts) && !isExcluded(excludes, facts)
}

function isIncluded({ arches, caps, minKernel }: Condition, facts: SeccompFacts): boolean {
  return (
    (!arches?.length || arches.includes(facts.architecture)) &&
    (caps ?? []).every((name) => facts.capabilities.includes(name)) &&
    (!minKernel || isAtLeast(facts.kernelRelease, minKernel))
  )
}

function isExcluded({ arches, caps, minKernel }: Condition, facts: SeccompFacts): boolean {
  return (
    (arches ?? []).includes(facts.architecture) ||
    (caps ?? []).some((name) => facts.capabilities.includes(name)) ||
    (minKernel ? isAtLeast(facts.kernelRelease, minKernel) : false)
  )
}

/** Only version and major revision count: 4.8.0-rc1 is 4.8. */
function isAtLeast(release: string, minimum: string): boolean {
  const [version = 0, revision = 0] = numbers(release)
  const [wantedVersion = 0, wantedRevision = 0] = numbers(minimum)
  return version > wantedVersion || (version === wantedVersion && revision >= wantedRevision)
}

const numbers = (release: string): readonly number[] => (release.match(/\d+/g) ?? []).map(Number)

function plainRule({ name, names, action, errnoRet, args }: ProfileRule): SeccompRule {
  return {
    names: name ? [name] : (names ?? []),
    action,
    ...(errnoRet === undefined ? {} : { errnoRet }),
    ...(args?.length ? { args } : {}),
  }
}

function architecturesOf({ architectures, archMap }: SeccompProfile, own: string): readonly string[] {
  if (architectures?.length) return architectures
  const entry = archMap?.find(({ architecture }) => architecture === seccompNames[own])
  return entry === undefined ? [] : [entry.architecture, ...(entry.subArchitectures ?? [])]
}

/** libseccomp's names of the architectures that Debian and Node share. */
const seccompNames: Readonly<Record<string, string>> = {
  amd64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
  arm: 'SCMP_ARCH_ARM',
  x86: 'SCMP_ARCH_X86',
  ppc64le: 'SCMP_ARCH_PPC64LE',
  s390x: 'SCMP_ARCH_S390X',
  riscv64: 'SCMP_ARCH_RISCV64',
}
