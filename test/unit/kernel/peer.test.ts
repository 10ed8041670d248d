import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { peerCredentials } from '../../../src/kernel/peer.ts'

describe('peerCredentials', () => {
  it('names the process at the other end of the socket', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tally-peer-'))
    const server = createServer().listen(join(directory, 'socket'))
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
    const client = connect(join(directory, 'socket'))
    const peer = await accepted
    expect(peerCredentials(descriptor(peer))).toEqual({
      pid: process.pid,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    })
    client.destroy()
    peer.destroy()
    server.close()
    rmSync(directory, { recursive: true })
  })

  it('refuses what is no socket', () => {
    expect(() => peerCredentials(-1)).toThrow(/EBADF/)
  })
})

/** Node gives no public way to a socket's descriptor. */
function descriptor(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } }
  return handle.fd
}
