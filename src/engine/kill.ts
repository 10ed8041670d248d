/** Signals as clients ask for them, and Docker's words for those that can't be sent. */
import { parseSignal } from '../../machines/signals.ts'
import { badRequest, TallyError } from '../errors.ts'

/**
 * @param ref what the client calls the container
 * @param send finds the container and sends the signal
 * @throws TallyError bad-request for what is no signal; with `ref` for what the container has against it
 */
export async function killInWords(
  { ref, text }: { readonly ref: string; readonly text: string },
  send: () => Promise<void>,
): Promise<void> {
  if (text !== '' && parseSignal(text) === undefined && !isTooHigh(text))
    throw badRequest(`Invalid signal: ${text}`)
  try {
    await send()
  } catch (error) {
    if (!(error instanceof TallyError)) throw error
    const message = isTooHigh(text) && error.code === 'bad-request' ? unknownNumber(text) : error.message
    throw new TallyError(error.code, `Cannot kill container: ${ref}: ${message}`, { cause: error })
  }
}

/** A number, but none of Linux; Docker looks for the container before it says so. */
const isTooHigh = (text: string): boolean => /^\d+$/.test(text) && Number(text) > 64

const unknownNumber = (text: string): string => `The linux daemon does not support signal ${text}`
