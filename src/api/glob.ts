/** Patterns of Go's path.Match: `*` and `?` stay within one path segment. */
import { TallyError } from '../errors.ts'

/** @throws TallyError internal, as Docker answers, for a class that is not closed or runs backwards, or an escape at the end. */
export function globExpression(pattern: string): RegExp {
  const tokens = pattern.match(/\[\^?(?:\\.|[^\\\]])+\]|\\.|[^[\\]/gsu) ?? []
  if (tokens.join('') !== pattern) throw syntaxError()
  try {
    return new RegExp(`^${tokens.map(expressionOf).join('')}$`, 'su')
  } catch (cause) {
    throw syntaxError(cause)
  }
}

const syntaxError = (cause?: unknown): TallyError =>
  new TallyError('internal', 'syntax error in pattern', { cause })

function expressionOf(token: string): string {
  if (token === '*') return '[^/]*'
  if (token === '?') return '[^/]'
  if (token.startsWith('[')) return token
  return (token.startsWith('\\') ? token.slice(1) : token).replace(/[$()*+.?[\\\]^{|}]/, '\\$&')
}
