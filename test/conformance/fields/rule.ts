/** Rules about fields that do not come out the same, and what is left of a list of differences when they are applied. Pure. */
import type { DifferenceKind, FieldDifference } from './field-difference.ts'

export interface Rule {
  /** `*` stands for anything within one part of a path, `**` for any number of parts. */
  readonly path: string
  readonly kinds: readonly DifferenceKind[]
  readonly why: string
}

export interface Verdict {
  readonly unexpected: readonly FieldDifference[]
  /** Rules that no difference asked for: they have to go. */
  readonly unused: readonly Rule[]
}

export function judge(differences: readonly FieldDifference[], rules: readonly Rule[]): Verdict {
  const used = new Set<Rule>()
  const unexpected = differences.filter((difference) => {
    const rule = rules.find((candidate) => applies(candidate, difference))
    if (rule !== undefined) used.add(rule)
    return rule === undefined
  })
  return { unexpected, unused: rules.filter((rule) => !used.has(rule)) }
}

const applies = ({ path, kinds }: Rule, difference: FieldDifference): boolean =>
  kinds.includes(difference.kind) && pattern(path).test(difference.path)

function pattern(path: string): RegExp {
  const literal = path.replaceAll(/[$()+.?[\\\]^{|}]/g, String.raw`\$&`)
  return new RegExp(`^${literal.replaceAll('**', '.+').replaceAll(/(?<!\\)\*/g, '[^.]*')}$`)
}
