/** Takes quotes off a word of a Dockerfile and fills in its variables, by the rules of Docker's own small shell. */
import { badRequest } from '../errors.ts'

export type Variables = ReadonlyMap<string, string>

interface Cursor {
  readonly text: string
  at: number
}

/** @throws TallyError bad-request for an open quote or brace. */
export function expand(word: string, variables: Variables): string {
  const cursor: Cursor = { text: word, at: 0 }
  let result = ''
  while (cursor.at < word.length) result += next(cursor, variables)
  return result
}

function next(cursor: Cursor, variables: Variables): string {
  const character = cursor.text[cursor.at] ?? ''
  cursor.at++
  if (character === "'") return singleQuoted(cursor)
  if (character === '"') return doubleQuoted(cursor, variables)
  if (character === '$') return variable(cursor, variables)
  if (character !== '\\') return character
  return take(cursor)
}

function singleQuoted(cursor: Cursor): string {
  const end = cursor.text.indexOf("'", cursor.at)
  if (end < 0) throw fault(cursor, 'unexpected end of statement while looking for matching single-quote')
  const inside = cursor.text.slice(cursor.at, end)
  cursor.at = end + 1
  return inside
}

function doubleQuoted(cursor: Cursor, variables: Variables): string {
  let inside = ''
  for (let character = take(cursor); character !== '"'; character = take(cursor)) {
    if (character === '')
      throw fault(cursor, 'unexpected end of statement while looking for matching double-quote')
    inside += quotedCharacter(character, cursor, variables)
  }
  return inside
}

function quotedCharacter(character: string, cursor: Cursor, variables: Variables): string {
  if (character === '$') return variable(cursor, variables)
  if (character !== '\\') return character
  const escaped = take(cursor)
  return '"$\\'.includes(escaped) ? escaped : `\\${escaped}`
}

function variable(cursor: Cursor, variables: Variables): string {
  if (cursor.text[cursor.at] === '{') return braced(cursor, variables)
  const name = /^(?:[A-Za-z_]\w*|\d+|[@*#?$!-])/.exec(cursor.text.slice(cursor.at))?.[0]
  if (name === undefined) return '$'
  cursor.at += name.length
  return variables.get(name) ?? ''
}

function braced(cursor: Cursor, variables: Variables): string {
  const name = /^\{([A-Za-z_]\w*|\d+|[@*#?$!-])/.exec(cursor.text.slice(cursor.at))?.[1]
  if (name === undefined) throw fault(cursor, 'syntax error: bad substitution')
  cursor.at += 1 + name.length
  const value = variables.get(name) ?? ''
  const closing = take(cursor)
  if (closing === '}') return value
  if (closing !== ':') throw fault(cursor, 'missing : in substitution')
  return modified({ cursor, variables, name, value })
}

interface Substitution {
  readonly cursor: Cursor
  readonly variables: Variables
  readonly name: string
  readonly value: string
}

function modified({ cursor, variables, name, value }: Substitution): string {
  const modifier = take(cursor)
  const word = untilBrace(cursor, variables)
  if (modifier === '+') return value === '' ? '' : word
  if (modifier === '-') return value === '' ? word : value
  if (modifier !== '?') throw fault(cursor, `unsupported modifier (${modifier}) in substitution`)
  if (value === '') throw fault(cursor, `${name}: ${word || 'is not allowed to be empty'}`)
  return value
}

function untilBrace(cursor: Cursor, variables: Variables): string {
  let word = ''
  while (cursor.text[cursor.at] !== '}') {
    if (cursor.at >= cursor.text.length) throw fault(cursor, "syntax error: missing '}'")
    word += next(cursor, variables)
  }
  cursor.at++
  return word
}

function take(cursor: Cursor): string {
  const character = cursor.text[cursor.at] ?? ''
  cursor.at++
  return character
}

const fault = (cursor: Cursor, message: string): Error =>
  badRequest(`failed to process ${JSON.stringify(cursor.text)}: ${message}`)
