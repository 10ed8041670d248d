/** Named pipes, fifo(7), read and written by the event loop's epoll: `fs` streams would hold a thread of libuv's pool per pipe. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { TallyError } from '../errors.ts'
import { callSync, failedWith } from './addon.ts'
import { AT_FDCWD } from './at.ts'

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, S_IFIFO } = constants

/** mkfifo(3). One that is already there is fine; the umask applies. @throws EEXIST if something else is there. */
export function makeFifo(path: string, mode: number): void {
  try {
    callSync('mknodat', AT_FDCWD, path, S_IFIFO | mode, 0)
  } catch (error) {
    if (!failedWith(error, 'EEXIST')) throw error
    closeSync(openFifo(path, 'read'))
  }
}

/**
 * Opens without waiting for the other side and with O_CLOEXEC; the caller closes the descriptor, or gives it to a stream.
 * @throws ENXIO when opened to write and nobody reads.
 */
export function openFifo(path: string, purpose: 'read' | 'write'): number {
  const fd = openSync(path, (purpose === 'read' ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOFOLLOW)
  if (fstatSync(fd).isFIFO()) return fd
  closeSync(fd)
  throw new TallyError('internal', `${path} is not a named pipe`)
}

/**
 * Whether somebody holds the writing end of a pipe opened with `openFifo`. Mind: a byte that waits in the pipe is lost, so ask this only of
 * a pipe whose closing is the message. If the answer is yes, a reader made after it ends when the last writer goes.
 */
export function hasWriter(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) > 0
  } catch (error) {
    if (failedWith(error, 'EAGAIN')) return true
    throw error
  }
}

/** Ends when the last writer closes; before the first one comes it waits. Owns the descriptor. */
export function fifoReader(fd: number): Readable {
  return new Socket({ fd, readable: true, writable: false })
}

/** Owns the descriptor. Emits EPIPE as an error when the last reader is gone. */
export function fifoWriter(fd: number): Writable {
  return new Socket({ fd, readable: false, writable: true })
}

export function openFifoReader(path: string): Readable {
  return fifoReader(openFifo(path, 'read'))
}

/**
 * A writer that does not need a reader yet: it holds the reading end open itself (O_RDWR, fifo(7)) and so never sees EPIPE. What is written
 * before a reader comes waits in the pipe.
 */
export function openHeldFifoWriter(path: string): Writable {
  return fifoWriter(openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW))
}

/** @throws ENXIO when nobody reads. */
export function openFifoWriter(path: string): Writable {
  return fifoWriter(openFifo(path, 'write'))
}
