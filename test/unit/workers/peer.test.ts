import { describe, expect, test as it } from 'vitest'
import { noSuchContainer } from '../../../src/errors.ts'
import { joinedNamespaces, type Peer } from '../../../src/workers/peer.ts'

const roots = { dataRoot: '/data', execRoot: '/exec' }

const peers: readonly Peer[] = [
  { id: 'open', state: 'running', pid: 7, ipcMode: 'shareable' },
  { id: 'closed', state: 'running', pid: 8, ipcMode: 'private' },
  { id: 'old', state: 'running', pid: 9, ipcMode: '' },
  { id: 'ended', state: 'not running', pid: 0, ipcMode: 'shareable' },
  { id: 'dying', state: 'restarting', pid: 0, ipcMode: 'shareable' },
  { id: 'hosted', state: 'running', pid: 10, ipcMode: 'host' },
  { id: 'second', state: 'running', pid: 11, ipcMode: 'container:open' },
]

function findPeer(ref: string): Peer {
  const peer = peers.find(({ id }) => id === ref)
  if (peer === undefined) throw noSuchContainer(ref)
  return peer
}

const join = (modes: { readonly PidMode?: string; readonly IpcMode?: string }) =>
  joinedNamespaces(modes, { roots, findPeer })

const refused = (message: string) => expect.objectContaining({ code: 'internal', exitCode: 128, message })

describe('A container', () => {
  it('joins nothing by itself', () => {
    expect(join({})).toEqual({})
    expect(join({ PidMode: 'host', IpcMode: 'shareable' })).toEqual({})
  })

  it('joins the processes of one that runs', () => {
    expect(join({ PidMode: 'container:closed' })).toEqual({ pid: 8 })
  })

  it('joins the ipc of one that shares it, with its /dev/shm', () => {
    expect(join({ IpcMode: 'container:open' })).toEqual({ ipc: 7, shm: '/data/containers/open/shm' })
    expect(join({ IpcMode: 'container:second' })).toEqual({ ipc: 11, shm: '/data/containers/open/shm' })
    expect(join({ IpcMode: 'container:hosted' })).toEqual({ ipc: 10, shm: '/dev/shm' })
    expect(join({ IpcMode: 'host' })).toEqual({ shm: '/dev/shm' })
  })

  it.each([
    ['ended', 'container ended is not running'],
    ['dying', 'Container dying is restarting, wait until the container is running'],
    ['gone', 'cannot join PID of a non running container: gone: No such container: gone'],
  ])('can’t join the processes of one that is %s', (id, message) => {
    expect(() => join({ PidMode: `container:${id}` })).toThrow(refused(message))
  })

  const hint = 'non-shareable IPC (hint: use IpcMode:shareable for the donor container)'
  it.each([
    ['closed', hint],
    ['old', hint],
    ['ended', 'container ended is not running'],
    ['gone', 'No such container: gone'],
    ['', 'invalid name or ID supplied: ""'],
  ])('can’t join the ipc of one that is %s', (id, reason) => {
    expect(() => join({ IpcMode: `container:${id}` })).toThrow(
      refused(`can't join IPC of container ${id}: ${reason}`),
    )
  })
})
