/** Names of containers: what Docker allows, and made-up ones for containers that were given none. */
import { badRequest } from '../errors.ts'
import type { Random } from '../random.ts'

const allowed = /^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

/** @returns the name without its leading slash. @throws TallyError bad-request in Docker's words. */
export function checkName(name: string): string {
  if (!allowed.test(name))
    throw badRequest(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`)
  return name.replace(/^\//, '')
}

const manners =
  'able bold brisk calm clear deft eager fair firm fleet frank glad hale keen kind lively loyal merry neat noble plain prompt proud quick quiet ready rested sharp smart snug sober stout sunny swift tidy trim true warm wise witty'.split(
    ' ',
  )
const ships =
  'barge barque brig caravel carrack clipper cog coracle corvette cutter dhow dinghy dory dromond felucca ferry frigate galleon galley gondola hooker hulk junk kayak keelboat ketch knarr lighter longboat lugger pinnace pontoon praam punt sampan schooner scow skiff sloop smack tanker tender trawler tug whaler wherry xebec yacht yawl'.split(
    ' ',
  )

const pick = (random: Random, words: readonly string[]): string => words[random.below(words.length)] ?? ''

/** A made-up name that `taken` does not know: `brisk_schooner`, with a number behind it if need be. */
export function makeName(random: Random, taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt += 1) {
    const number = attempt < 5 ? '' : random.below(10 ** Math.min(attempt, 9))
    const name = `${pick(random, manners)}_${pick(random, ships)}${number}`
    if (!taken(name)) return name
  }
}
