/** config.json as text. */
import type { RuntimeSpec } from './runtime-spec.ts'

/** Node has it since 21 (TC39 "JSON.parse source text access"); the compiler's library does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/** A number beyond 2^53 (RLIM_INFINITY, a seccomp argument) is a bigint and is written digit by digit. */
export function serialize(spec: RuntimeSpec): string {
  return JSON.stringify(spec, (_, value: unknown) =>
    typeof value === 'bigint' ? rawJSON(value.toString()) : value,
  )
}

/** JSON with integers beyond 2^53 as bigints. @throws SyntaxError */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, exactInteger as (key: string, value: unknown) => unknown)
}

function exactInteger(_: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !Number.isInteger(value)) return value
  return /^-?\d+$/.test(context.source ?? '') ? BigInt(context.source ?? '') : value
}
