import { describe, expect, test as it } from 'vitest'
import { endsItsStdin } from '../../../src/engine/streams.ts'
import { create, eventTypes, messages, openDaemon, origin, run } from './daemon.ts'

const size = { width: 80, height: 24 }
const tty = { config: { Image: 'busybox', Cmd: ['top'], Tty: true } }

describe('A terminal', () => {
  it.each([tty, {}])('is resized, which is shown, whether there is one or not', async (request) => {
    const daemon = await openDaemon()
    const id = await run(daemon, request)
    await daemon.engine.resize('web', size, origin)
    expect(messages(daemon).at(-1)).toMatchObject({
      action: 'resize',
      actorId: id,
      attributes: { height: '24', width: '80', image: 'busybox', name: 'web' },
    })
  })

  it('is not resized unless the container runs', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon, tty)
    await expect(daemon.engine.resize('web', size, origin)).rejects.toMatchObject({
      code: 'conflict',
      message: `Container ${id} is not running`,
    })
    await expect(daemon.engine.resize('gone', size, origin)).rejects.toThrow('No such container: gone')
    expect(eventTypes(daemon, id)).toEqual(['ContainerCreated'])
  })

  it('can be left, which is shown', async () => {
    const daemon = await openDaemon()
    await run(daemon, tty)
    await daemon.engine.detached('web', origin)
    expect(messages(daemon).at(-1)).toMatchObject({ action: 'detach', attributes: { name: 'web' } })
  })

  it('has no end of stdin: that of who types is not the process’s', () => {
    expect(endsItsStdin({ StdinOnce: true, Tty: false })).toBe(true)
    expect(endsItsStdin({ StdinOnce: true, Tty: true })).toBe(false)
    expect(endsItsStdin({ StdinOnce: false, Tty: false })).toBe(false)
  })
})
