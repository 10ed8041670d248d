/** The thread that reads or writes a container's files: started by `files.ts` for one task, gone with all its mounts after it. */
import { closeSync, constants, openSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { TallyError } from '../errors.ts'
import { TarError } from '../images/tar-header.ts'
import { O_PATH } from '../kernel/at.ts'
import { enterOwnMountNamespace } from '../kernel/mount-namespace.ts'
import { type Inbox, inbox } from './inbox.ts'
import { locate } from './locate.ts'
import type { FileAnswer, FileOrder, FileTask } from './messages.ts'
import { WINDOW } from './messages.ts'
import { packTree } from './packer.ts'
import { treeChanges } from './tree-changes.ts'
import { unpack } from './unpack.ts'
import { enterView, type View } from './view.ts'

const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW

const say = (answer: FileAnswer): void => parentPort?.postMessage(answer)

async function work(task: FileTask, orders: Inbox<FileOrder>): Promise<void> {
  switch (task.kind) {
    case 'stat':
      return withView(task.view, (root) => {
        using found = locate(root, task.path)
        say({ kind: 'stat', stat: found.stat })
      })
    case 'pack':
      return withView(task.view, async (root) => {
        using found = locate(root, task.path)
        say({ kind: 'stat', stat: found.stat })
        const name = Buffer.from(found.stat.name).toString('latin1')
        await send(packTree(found, { name }), orders)
      })
    case 'unpack':
      return withView(task.view, (root) => unpack(task, root, received(orders)))
    case 'changes':
      return say({ kind: 'changes', changes: treeChanges(task.upper, task.lowers) })
    case 'export':
      enterOwnMountNamespace() // the container's end must not take the tree away while it is read
      return sendWhole(task.rootfs, orders)
    case 'layer':
      return sendWhole(task.upper, orders, true)
  }
}

async function withView(view: View, use: (root: number) => void | Promise<void>): Promise<void> {
  const root = enterView(view)
  try {
    await use(root)
  } finally {
    closeSync(root)
  }
}

async function sendWhole(path: string, orders: Inbox<FileOrder>, whiteouts = false): Promise<void> {
  const fd = openSync(path, DIRECTORY)
  try {
    await send(packTree({ fd, path: Buffer.from(path) }, { name: '', whiteouts }), orders)
  } finally {
    closeSync(fd)
  }
}

/** No faster than it is taken. Whatever happens, the packing is ended, which closes what it has open. */
async function send(chunks: Generator<Buffer>, orders: Inbox<FileOrder>): Promise<void> {
  let onTheWay = 0
  for (const bytes of gathered(chunks)) {
    say({ kind: 'chunk', bytes })
    onTheWay++
    while (onTheWay >= WINDOW) {
      if ((await orders.next()).kind === 'abort') return
      onTheWay--
    }
  }
}

const ENOUGH = 128 * 1024

/** Small pieces, which headers are, go together. */
function* gathered(chunks: Generator<Buffer>): Generator<Buffer> {
  let held: Buffer[] = []
  let size = 0
  for (const chunk of chunks) {
    held.push(chunk)
    size += chunk.length
    if (size < ENOUGH) continue
    yield Buffer.concat(held)
    held = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(held)
}

async function* received(orders: Inbox<FileOrder>): AsyncGenerator<Uint8Array> {
  for (let order = await orders.next(); order.kind !== 'end'; order = await orders.next()) {
    if (order.kind === 'abort') throw new TarError('unexpected EOF')
    if (order.kind !== 'chunk') continue
    yield order.bytes
    say({ kind: 'consumed' })
  }
}

function failure(error: unknown): FileAnswer {
  if (error instanceof TallyError) return { kind: 'failed', code: error.code, message: error.message }
  const message = error instanceof Error ? error.message : String(error)
  const prefix = error instanceof TarError ? 'Error processing tar file(exit status 1): ' : ''
  return { kind: 'failed', code: 'internal', message: `${prefix}${message}` }
}

const orders = inbox<FileOrder>()
parentPort?.on('message', (order: FileOrder) => orders.put(order))
work(workerData as FileTask, orders)
  .then((): FileAnswer => ({ kind: 'done' }), failure)
  .then(say)
  .finally(() => parentPort?.close())
  .catch((error: Error) => process.emitWarning(error))
