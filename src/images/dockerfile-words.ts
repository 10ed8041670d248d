/** How a Dockerfile is cut into instructions and an instruction into words. */
import { badRequest } from '../errors.ts'

export interface Instruction {
  /** In lower case. */
  readonly command: string
  /** What follows the command, without space around it. */
  readonly rest: string
}

/** Joins continued lines and drops comments and empty ones. */
export function instructions(text: string): readonly Instruction[] {
  const found: Instruction[] = []
  let pending = ''
  for (const line of text.split('\n').filter((each) => !isBlankOrComment(each))) {
    const continued = /\\[ \t]*$/.exec(line)
    pending += continued === null ? line : line.slice(0, continued.index)
    if (continued !== null) continue
    found.push(instruction(pending))
    pending = ''
  }
  if (pending.trim() !== '') found.push(instruction(pending))
  return found
}

/** Words between spaces; quotes stay on and hide spaces, a backslash hides the character after it. */
export function words(text: string): readonly string[] {
  return text.match(/(?:\\.|"(?:\\.|[^"\\])*(?:"|\\?$)|'[^']*(?:'|$)|[^\s\\"'])+/gsu) ?? []
}

/** Words between spaces, whatever they contain. */
export const plainWords = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '')

/**
 * The list in JSON form that an instruction's text begins with; undefined if it is not JSON and so has the shell form.
 * What follows the list is ignored. @throws TallyError bad-request for a list of anything but strings.
 */
export function jsonList(text: string): readonly string[] | undefined {
  const list = firstJsonArray(text)
  if (list === undefined) return undefined
  if (list.every((each) => typeof each === 'string')) return list
  throw badRequest('when using JSON array syntax, arrays must be comprised of strings only')
}

/**
 * `name=value` pairs, or the old form `name value with spaces`. @param command for the messages, in capitals.
 * @throws TallyError bad-request in Docker's words.
 */
export function pairs(command: string, rest: string): readonly (readonly [name: string, value: string])[] {
  const list = words(rest)
  if (list.length === 0) throw badRequest(`${command} requires at least one argument`)
  const found = list[0]?.includes('=') ? list.map(pair) : [oldPair(command, rest)]
  if (found.some(([name]) => name === '')) throw badRequest(`${command} names can not be blank`)
  return found
}

function pair(word: string): readonly [string, string] {
  const equals = word.indexOf('=')
  if (equals < 0)
    throw badRequest(
      `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
    )
  return [word.slice(0, equals), word.slice(equals + 1)]
}

function oldPair(command: string, rest: string): readonly [string, string] {
  const [, name, value] = /^(\S+)\s+(.*)$/s.exec(rest) ?? []
  if (name === undefined || value === undefined) throw badRequest(`${command} must have two arguments`)
  return [name, value]
}

const isBlankOrComment = (line: string): boolean => /^\s*(#|$)/.test(line)

function instruction(line: string): Instruction {
  const [, command = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(line.trim()) ?? []
  return { command: command.toLowerCase(), rest }
}

function firstJsonArray(text: string): readonly unknown[] | undefined {
  const array = /^\[(?:"(?:\\.|[^"\\])*"|[^\]"])*\]/s.exec(text)
  if (array === null) return undefined
  try {
    return JSON.parse(array[0]) as unknown[]
  } catch {
    return undefined
  }
}
