/** A seccomp profile as Docker's clients send it: rules with conditions on capabilities, architecture and kernel. */
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { badRequest } from '../errors.ts'
import { parseExactly } from './serialize.ts'

/** Go's encoder writes an absent list as null. */
const stringList = Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()]))
const integer = Type.Union([Type.Integer(), Type.BigInt()])

const condition = Type.Object({
  caps: stringList,
  arches: stringList,
  /** `4.8`: version and major revision. */
  minKernel: Type.Optional(Type.String({ pattern: '^(\\d+\\.\\d+)?$' })),
})

const argument = Type.Object({
  index: Type.Integer(),
  value: integer,
  valueTwo: Type.Optional(integer),
  op: Type.String(),
})

const rule = Type.Object({
  name: Type.Optional(Type.String()),
  names: stringList,
  action: Type.String(),
  errnoRet: Type.Optional(Type.Integer()),
  args: Type.Optional(Type.Union([Type.Array(argument), Type.Null()])),
  includes: Type.Optional(condition),
  excludes: Type.Optional(condition),
})

const architecture = Type.Object({ architecture: Type.String(), subArchitectures: stringList })

const profile = Type.Object({
  defaultAction: Type.Optional(Type.String()),
  defaultErrnoRet: Type.Optional(Type.Integer()),
  architectures: stringList,
  archMap: Type.Optional(Type.Union([Type.Array(architecture), Type.Null()])),
  syscalls: Type.Optional(Type.Union([Type.Array(rule), Type.Null()])),
})

export type SeccompProfile = Static<typeof profile>
export type ProfileRule = Static<typeof rule>
export type Condition = Static<typeof condition>

/** @throws TallyError bad-request `Decoding seccomp profile failed: …` */
export function parseSeccompProfile(text: string): SeccompProfile {
  const data = parse(text)
  if (!Value.Check(profile, data)) throw badRequest(`Decoding seccomp profile failed: ${firstFault(data)}`)
  refuseAmbiguity(data)
  return data
}

function parse(text: string): unknown {
  try {
    return parseExactly(text)
  } catch (cause) {
    throw badRequest(`Decoding seccomp profile failed: ${String(cause)}`, cause)
  }
}

function firstFault(data: unknown): string {
  const [fault] = Value.Errors(profile, data)
  return `${fault?.instancePath || 'profile'} ${fault?.message ?? 'is not valid'}`
}

function refuseAmbiguity({ architectures, archMap, syscalls }: SeccompProfile): void {
  if (architectures?.length && archMap?.length)
    throw badRequest(
      "'architectures' and 'archMap' were specified in the seccomp profile, use either 'architectures' or 'archMap'",
    )
  if (syscalls?.some(({ name, names }) => name && names?.length))
    throw badRequest("'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'")
}
