/** Patterns of Go's path.Match: `*` and `?` stay within one path segment. */
import { TallyError } from '../errors.ts'

/** @throws TallyError internal, as Docker answers, for a class that is not closed or an escape at the end. */
export function globExpression(pattern: string): RegExp {
  const tokens = pattern.match(/\[\^?(?:\\.|[^\\\]])+\]|\\.|[^[\\]/gsu) ?? []
  if (tokens.join('') !== pattern) throw new TallyError('internal', 'syntax error in pattern')
  return new RegExp(`^${tokens.map(expressionOf).join('')}$`, 'su')
}

function expressionOf(token: string): string {
  if (token === '*') return '[^/]*'
  if (token === '?') return '[^/]'
  if (token.startsWith('[')) return token
  return RegExp.escape(token.startsWith('\\') ? token.slice(1) : token)
}
