import { describe, expect, test as it } from 'vitest'
import { actions, create, messages, openDaemon, origin, run } from './daemon.ts'

describe('kill', () => {
  it.each([
    ['SIGRTMIN+3', '37'],
    ['sigcont', '18'],
    ['USR1', '10'],
    ['9', '9'],
    ['', '9'],
  ])('takes %j for a signal', async (text, number) => {
    const daemon = await openDaemon()
    await run(daemon)
    await daemon.engine.kill('web', text, origin)
    const killed = messages(daemon).find(({ action }) => action === 'kill')
    expect(killed?.attributes).toMatchObject({ signal: number, name: 'web' })
  })

  it.each([
    ['web', 'sigwhat', 'bad-request', 'Invalid signal: sigwhat'],
    ['web', '0', 'bad-request', 'Invalid signal: 0'],
    ['web', '9x', 'bad-request', 'Invalid signal: 9x'],
    ['gone', 'sigwhat', 'bad-request', 'Invalid signal: sigwhat'],
    ['web', '99', 'bad-request', 'Cannot kill container: web: The linux daemon does not support signal 99'],
    ['gone', '99', 'not-found', 'Cannot kill container: gone: No such container: gone'],
    ['gone', '', 'not-found', 'Cannot kill container: gone: No such container: gone'],
  ])('of %s with %j is refused', async (ref, text, code, message) => {
    const daemon = await openDaemon()
    await run(daemon)
    await expect(daemon.engine.kill(ref, text, origin)).rejects.toMatchObject({ code, message })
    expect(actions(daemon)).not.toContain('kill')
  })

  it('names a container that does not run as the client did', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const prefix = id.slice(0, 12)
    await expect(daemon.engine.kill(prefix, '', origin)).rejects.toMatchObject({
      code: 'conflict',
      message: `Cannot kill container: ${prefix}: Container ${id} is not running`,
    })
  })
})
