import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test as it, onTestFinished } from 'vitest'
import { openUpkeep, type Upkeep } from '../../../src/engine/upkeep.ts'
import { verifyDatabase } from '../../../src/engine/verify.ts'
import { openWorkspace } from '../../../src/images/workspace.ts'
import { create, type Daemon, openDaemon, origin, run } from './daemon.ts'

const never = new AbortController().signal

async function withUpkeep(daemon: Daemon): Promise<{ readonly upkeep: Upkeep; readonly root: string }> {
  const root = mkdtempSync(join(tmpdir(), 'tally-upkeep-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const workspace = await openWorkspace({ dataRoot: root, execRoot: root }, 'upkeep')
  return { upkeep: openUpkeep(daemon.store, workspace), root }
}

/** What is left in the workspace. */
const leftIn = (root: string): readonly string[] => readdirSync(join(root, 'tmp', 'upkeep'))

function readBySomebodyElse(path: string): string {
  const library = import.meta.resolve('better-sqlite3')
  const script = `
    import Database from ${JSON.stringify(library)}
    console.log(new Database(${JSON.stringify(path)}, { readonly: true, timeout: 0 }).pragma('user_version'))`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stderr
}

/** Renames the container until `done`: the log never rests. */
async function keepBusy(daemon: Daemon, id: string, done: Promise<unknown>): Promise<number> {
  let busy = true
  void done.finally(() => {
    busy = false
  })
  let renames = 0
  for (; busy; renames += 1) {
    await daemon.engine.rename(id, `web-${renames}`, origin)
    if (renames % 20 === 0) await sleep(1)
  }
  return renames
}

describe('upkeep', () => {
  it('verifies a log that grows meanwhile', async () => {
    const daemon = await openDaemon()
    const { upkeep, root } = await withUpkeep(daemon)
    const id = await run(daemon)
    const before = daemon.store.events.head()
    const verifying = upkeep.verify(never)
    expect(await keepBusy(daemon, id, verifying)).toBeGreaterThan(20)
    const verdict = await verifying
    expect(verdict.damages).toEqual([])
    expect(verdict.events).toBeGreaterThanOrEqual(before)
    expect(leftIn(root)).toEqual([])
  })

  it('backs up a log that grows meanwhile into a file that is whole and opens', async () => {
    const daemon = await openDaemon()
    const { upkeep, root } = await withUpkeep(daemon)
    const id = await run(daemon)
    for (let round = 0; round < 5; round += 1) {
      const before = daemon.store.events.head()
      const taking = upkeep.backup(never)
      await keepBusy(daemon, id, taking)
      const { events, size, content } = await taking
      const bytes = await buffer(content)
      const path = join(root, `backup-${round}.db`)
      writeFileSync(path, bytes)
      expect(bytes.length).toBe(size)
      expect(events).toBeGreaterThanOrEqual(before)
      expect(verifyDatabase(path)).toEqual({ events, streams: 1, damages: [] })
    }
    expect(leftIn(root)).toEqual([])
    const restored = await openDaemon({ path: join(root, 'backup-4.db'), world: daemon.world })
    expect(restored.engine.get(id).status).toBe('running')
    await create(restored, { name: 'another' })
  })

  it('holds checkpoints off while it copies, and no longer', async () => {
    const daemon = await openDaemon()
    const { upkeep } = await withUpkeep(daemon)
    const id = await create(daemon)
    for (let round = 0; round < 3; round += 1) {
      const verifying = upkeep.verify(never)
      for (let rename = 0; rename < 600; rename += 1)
        await daemon.engine.rename(id, `web-${round}-${rename}`, origin)
      expect((await verifying).damages).toEqual([])
    }
    await daemon.crash()
    expect(verifyDatabase(daemon.options.path)).toEqual({ events: 1801, streams: 1, damages: [] })
  })

  it('ends when its client goes away, and leaves nothing', async () => {
    const daemon = await openDaemon()
    const { upkeep, root } = await withUpkeep(daemon)
    await run(daemon)
    const controller = new AbortController()
    const verifying = upkeep.verify(controller.signal)
    controller.abort(new Error('gone'))
    await expect(verifying).rejects.toThrow('gone')
    expect(leftIn(root)).toEqual([])
    // Locks belong to the process and go when it closes any descriptor of the file, fcntl(2): only another process can tell.
    expect(readBySomebodyElse(daemon.options.path)).toContain('database is locked')
  })

  it('ends when the daemon ends', async () => {
    const daemon = await openDaemon()
    const { upkeep, root } = await withUpkeep(daemon)
    await run(daemon)
    const taking = upkeep.backup(never).catch((error: Error) => error)
    await daemon.crash()
    await taking
    expect(leftIn(root)).toEqual([])
  })
})
