import { describe, expect, test as it } from 'vitest'
import { create, eventTypes, messages, openDaemon, origin, run } from './daemon.ts'

describe('The processes of a container', () => {
  it('are shown with the titles that ps gives, which is noted', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const { titles, processes } = await daemon.engine.top('web', '-o pid,args', origin)
    expect([titles, processes]).toEqual([['PID', 'COMMAND'], []])
    expect(messages(daemon).at(-1)).toMatchObject({ action: 'top', actorId: id, attributes: { name: 'web' } })
  })

  it('are not shown unless it runs', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    await expect(daemon.engine.top('web', '-ef', origin)).rejects.toMatchObject({
      code: 'conflict',
      message: `Container ${id} is not running`,
    })
    await expect(daemon.engine.top('gone', '-ef', origin)).rejects.toThrow('No such container: gone')
    expect(eventTypes(daemon, id)).toEqual(['ContainerCreated'])
  })

  it('are not shown with options that ps does not take, or hide the pids', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    await expect(daemon.engine.top('web', '--nonsense', origin)).rejects.toThrow(/^ps: error: unknown gnu/)
    await expect(daemon.engine.top('web', '-o args', origin)).rejects.toThrow("Couldn't find PID field")
    await expect(daemon.engine.top('gone', '-o comm=PID', origin)).rejects.toThrow('specifying "comm=PID"')
    expect(messages(daemon).map(({ action }) => action)).not.toContain('top')
  })
})
