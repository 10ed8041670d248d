/** The volumes on a real log and real directories, also after a crash at the worst moment. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test as it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { replay } from '../../../src/engine/replay.ts'
import { noFaults } from '../../../src/faults.ts'
import { type Roots, volumeDataPath, volumePath, volumesRoot } from '../../../src/paths.ts'
import { systemRandom } from '../../../src/random.ts'
import type { Store } from '../../../src/store/open.ts'
import { type VolumeDirectories, volumeDirectories } from '../../../src/volumes/directories.ts'
import type { VolumeRequest } from '../../../src/volumes/port.ts'
import { VolumeStore } from '../../../src/volumes/store.ts'
import { origin } from '../engine/daemon.ts'
import { openTemporary } from '../store/temporary-store.ts'

const request = (name: string, changes: Partial<VolumeRequest> = {}): VolumeRequest => ({
  ...{ name, driver: '', labels: null, options: null },
  ...changes,
})

const refusal = (code: string, message: string) => expect.objectContaining({ code, message })

let roots: Roots
let store: Store
let users: Map<string, readonly string[]>
let volumes: VolumeStore

function open(changes: Partial<VolumeDirectories> = {}): VolumeStore {
  return new VolumeStore({
    ...{ store, clock: systemClock, random: systemRandom, faults: noFaults },
    uses: { of: (name) => users.get(name) ?? [] },
    directories: { ...volumeDirectories(roots), ...changes },
  })
}

const told = (): readonly string[] =>
  [...store.messages.range({})].map(({ action, actorId }) => `${action} ${actorId}`)
const names = (): readonly string[] => volumes.list().map(({ name }) => name)
const directories = (): readonly string[] => readdirSync(volumesRoot(roots)).sort()

async function recover(isContainer: (id: string) => boolean = () => false): Promise<readonly string[]> {
  const reports: string[] = []
  volumes = open()
  await volumes.recover(isContainer, (message) => void reports.push(message))
  return reports
}

beforeEach(() => {
  const dataRoot = mkdtempSync(join(tmpdir(), 'tally-volumes-'))
  onTestFinished(() => rmSync(dataRoot, { recursive: true }))
  roots = { dataRoot, execRoot: '/run' }
  store = openTemporary()
  users = new Map()
  volumes = open()
})

describe('a volume', () => {
  it('has labels and a directory that others can only pass through', async () => {
    const made = await volumes.create(request('data', { labels: { a: 'b' }, options: {} }), origin)
    expect(made).toMatchObject({ name: 'data', labels: { a: 'b' }, options: null, users: [] })
    expect(volumes.get('data')).toEqual(made)
    expect(statSync(volumePath(roots, 'data')).mode & 0o777).toBe(0o701)
    expect(statSync(volumeDataPath(roots, 'data')).mode & 0o777).toBe(0o755)
  })

  it('without a name gets one of 64 digits', async () => {
    expect((await volumes.create(request(''), origin)).name).toMatch(/^[0-9a-f]{64}$/)
  })

  it('stays as it is when it is asked for again, and Docker tells of that', async () => {
    const made = await volumes.create(request('data'), origin)
    expect(await volumes.create(request('data', { labels: { new: '1' } }), origin)).toEqual(made)
    expect(told()).toEqual(['create data', 'create data'])
  })

  it('can be made again under its name, without the files of the one before', async () => {
    await volumes.create(request('data'), origin)
    writeFileSync(join(volumeDataPath(roots, 'data'), 'file'), 'old')
    await volumes.remove('data', { force: false }, origin)
    expect(existsSync(volumePath(roots, 'data'))).toBe(false)
    await volumes.create(request('data'), origin)
    expect(readdirSync(volumeDataPath(roots, 'data'))).toEqual([])
    expect(told()).toEqual(['create data', 'destroy data', 'create data'])
  })

  it('that is not there is not found, and fine only by force', async () => {
    await expect(volumes.remove('data', { force: false }, origin)).rejects.toEqual(
      refusal('not-found', 'get data: no such volume'),
    )
    await volumes.remove('data', { force: true }, origin)
    expect(() => volumes.get('data')).toThrow(refusal('not-found', 'get data: no such volume'))
  })

  it('with users is not removed, not even by force', async () => {
    await volumes.create(request('data'), origin)
    users.set('data', ['one', 'two'])
    await expect(volumes.remove('data', { force: true }, origin)).rejects.toEqual(
      refusal('conflict', 'remove data: volume is in use - [one, two]'),
    )
  })

  it('is recorded durably before its files are deleted, and a deletion that failed can be asked for again', async () => {
    await volumes.create(request('data'), origin)
    volumes = open({ remove: () => Promise.reject(new Error('busy')) })
    await expect(volumes.remove('data', { force: false }, origin)).rejects.toThrow('busy')
    expect(names()).toEqual([])
    volumes = open()
    await volumes.remove('data', { force: false }, origin)
    expect(directories()).toEqual([])
    expect(told()).toEqual(['create data', 'destroy data'])
  })
})

describe('of a container that is being created', () => {
  it('nobody removes the volumes', async () => {
    const hold = volumes.hold('one', origin)
    await hold.obtain(request('data'))
    await expect(volumes.remove('data', { force: false }, origin)).rejects.toEqual(
      refusal('conflict', 'remove data: volume is in use - [one]'),
    )
    hold[Symbol.dispose]()
    await volumes.remove('data', { force: false }, origin)
  })

  it('the anonymous ones go when the creation fails, the named one stays', async () => {
    using hold = volumes.hold('one', origin)
    await hold.obtain(request('data'))
    await hold.obtain(request(''))
    await hold.abandon()
    expect(names()).toEqual(['data'])
    expect(directories()).toEqual(['data'])
  })
})

describe('with its container', () => {
  const mount = (name: string, named: boolean) =>
    ({ type: 'volume', name, destination: `/${name}`, writable: true, mode: '', named }) as const

  it('an anonymous volume goes that no other container uses', async () => {
    using hold = volumes.hold('one', origin)
    const [mine, shared] = [await hold.obtain(request('')), await hold.obtain(request(''))]
    await hold.obtain(request('data'))
    users = new Map([
      ['data', ['one']],
      [mine.name, ['one']],
      [shared.name, ['one', 'two']],
    ])
    const mounts = [mount(mine.name, false), mount(shared.name, false), mount('data', true)]
    await volumes.removeAnonymous('one', mounts)
    expect(names()).toEqual([shared.name, 'data'].sort())
    await volumes.removeAnonymous('one', mounts)
    expect(directories()).toEqual([shared.name, 'data'].sort())
  })
})

describe('pruning', () => {
  it('takes what nobody uses and tells how much that was', async () => {
    for (const name of ['aa', 'bb', 'cc']) await volumes.create(request(name), origin)
    users.set('bb', ['one'])
    const options = { isWanted: () => true, sizeOf: async () => 7 }
    expect(await volumes.prune(options, origin)).toEqual({ removed: ['aa', 'cc'], reclaimed: 14 })
    expect(directories()).toEqual(['bb'])
    expect([...store.messages.range({})].at(-1)).toMatchObject({
      ...{ type: 'volume', action: 'prune', actorId: '', attributes: { reclaimed: '14' } },
    })
  })
})

describe('after a crash', () => {
  it('what was recorded is there, with its files', async () => {
    await volumes.create(request('data'), origin)
    writeFileSync(join(volumeDataPath(roots, 'data'), 'file'), 'kept')
    expect(await recover()).toEqual([])
    expect(names()).toEqual(['data'])
    expect(readdirSync(volumeDataPath(roots, 'data'))).toEqual(['file'])
  })

  it('before the record of a new volume its empty directory is released', async () => {
    mkdirSync(volumeDataPath(roots, 'data'), { recursive: true })
    mkdirSync(volumePath(roots, 'lost+found'))
    expect(await recover()).toEqual(['orphan released'])
    expect(directories()).toEqual(['lost+found'])
  })

  it('files of which the log says nothing are kept', async () => {
    mkdirSync(volumeDataPath(roots, 'data'), { recursive: true })
    writeFileSync(join(volumeDataPath(roots, 'data'), 'file'), 'somebody’s')
    expect(await recover()).toEqual(['directory of an unknown volume kept'])
    await volumes.create(request('data'), origin)
    expect(readdirSync(volumeDataPath(roots, 'data'))).toEqual(['file'])
  })

  it('between the record of a removal and its end the files are deleted', async () => {
    await volumes.create(request('data'), origin)
    writeFileSync(join(volumeDataPath(roots, 'data'), 'file'), 'old')
    volumes = open({ remove: () => Promise.reject(new Error('killed')) })
    await expect(volumes.remove('data', { force: false }, origin)).rejects.toThrow('killed')
    expect(await recover()).toEqual(['orphan released'])
    expect(directories()).toEqual([])
  })

  it('an anonymous volume of a container that was never recorded is released', async () => {
    using one = volumes.hold('one', origin)
    using two = volumes.hold('two', origin)
    await one.obtain(request(''))
    const kept = await two.obtain(request(''))
    expect(await recover((id) => id === 'two')).toEqual(['orphan released'])
    expect(names()).toEqual([kept.name])
    expect(directories()).toEqual([kept.name])
  })
})

it('the log alone gives the same rows and messages again', async () => {
  await volumes.create(request('data', { labels: { a: 'b' } }), origin)
  await volumes.create(request('gone'), origin)
  await volumes.remove('gone', { force: false }, origin)
  await volumes.prune({ isWanted: () => false, sizeOf: async () => 0 }, origin)
  const before = [store.volumes.list(), told()]
  store.rebuild(replay(store))
  expect([store.volumes.list(), told()]).toEqual(before)
})
