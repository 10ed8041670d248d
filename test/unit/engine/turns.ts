/** Lets all that is under way in this process come to rest. */
import { setImmediate as turn } from 'node:timers/promises'

export async function turns(count = 40): Promise<void> {
  for (let left = count; left > 0; left -= 1) await turn()
}
