/** Chance as a value, so that the simulation can repeat itself. */
import { randomBytes, randomInt } from 'node:crypto'

export interface Random {
  /** `bytes` random bytes as lower-case hex. */
  hex(bytes: number): string
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number
}

export const systemRandom: Random = {
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  below: (limit) => randomInt(limit),
}
