/** What of containers is found on a machine that has all kinds of it, beside things of others, and what is left when it was released. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { shortLink } from '../../../src/images/layer-link.ts'
import { isAlive } from '../../../src/kernel/process-identity.ts'
import {
  bundlePath,
  containerPath,
  layerPath,
  overlayRoot,
  type Roots,
  runtimeRoot,
  supervisorRoot,
} from '../../../src/paths.ts'
import { openSupervisor } from '../../../src/supervisor/local.ts'
import { keepingWritten, type Leftover, leftoverKinds, leftoversOf } from '../../../src/workers/leftovers.ts'
import { buildShim, World } from '../supervisor/world.ts'

const [id, other] = ['a'.repeat(64), 'b'.repeat(64)]
const hierarchies = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .filter((line) => / - cgroup2? /.test(line))
  .map((line) => line.split(' ')[4] ?? '')

let roots: Roots
let parent: string
let children: ChildProcess[]
let groups: string[]

beforeAll(buildShim)

beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), 'leftovers-'))
  roots = { dataRoot: join(root, 'data'), execRoot: join(root, 'exec') }
  parent = `/leftovers-test-${process.pid}`
  children = []
  groups = []
})

afterEach(async () => {
  for (const child of children) await end(child)
  for (const target of mountsBelowRoots().toReversed()) execFileSync('umount', ['-l', target])
  for (const group of groups.toReversed()) if (existsSync(group)) rmdirSync(group)
  for (const hierarchy of hierarchies)
    if (existsSync(join(hierarchy, parent))) rmdirSync(join(hierarchy, parent))
  rmSync(join(roots.dataRoot, '..'), { recursive: true, force: true })
})

const observe = (): Promise<readonly Leftover[]> => leftoversOf(roots).observe([parent])

async function releaseAll(): Promise<void> {
  const leftovers = leftoversOf(roots)
  const found = await leftovers.observe([parent])
  const order = ({ kind }: Leftover): number => leftoverKinds.indexOf(kind)
  for (const one of found.toSorted((a, b) => order(a) - order(b))) await leftovers.release(one)
}

const mountsBelowRoots = (): readonly string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(join(roots.dataRoot, '..')))

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function make(...directories: readonly string[]): void {
  for (const directory of directories) mkdirSync(directory, { recursive: true })
}

function tmpfs(target: string): void {
  make(target)
  execFileSync('mount', ['-t', 'tmpfs', 'leftovers-test', target])
}

/** @returns the group's directories in all hierarchies, with a process in all that take one. */
function group(name: string): { readonly paths: readonly string[]; readonly member: ChildProcess } {
  const paths = hierarchies.map((hierarchy) => join(hierarchy, parent, name))
  make(...paths)
  groups.push(...paths)
  const member = program('sleep', ['1000'])
  // v1's cpuset takes none before it is given processors.
  for (const path of paths.filter((one) => !one.includes('/cpuset/')))
    writeFileSync(join(path, 'cgroup.procs'), String(member.pid))
  return { paths, member }
}

function program(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: 'ignore' })
  children.push(child)
  return child
}

function layer(name: string): void {
  make(join(layerPath(roots, name), 'diff'), join(overlayRoot(roots), 'l'))
  symlinkSync(`../${name}/diff`, join(overlayRoot(roots), 'l', shortLink(name)))
}

const link = (name: string): string => join(overlayRoot(roots), 'l', shortLink(name))

describe('What a container has left', () => {
  it('is found, kind by kind, and gone when it was released', async () => {
    const { paths, member } = group(id)
    make(join(runtimeRoot(roots), id), join(supervisorRoot(roots), id, 'init'), bundlePath(roots, id))
    for (const name of [id, `${id}-init`]) layer(name)
    const mounts = [join(layerPath(roots, id), 'merged'), join(containerPath(roots, id), 'shm')]
    for (const target of mounts) tmpfs(target)
    const kinds = (await observe()).map(({ kind, path }) => `${kind} ${path}`).sort()
    expect(kinds).toEqual(
      [
        ...paths.map((path) => `cgroup ${path}`),
        ...mounts.map((path) => `mount ${path}`),
        `runtime-state ${join(runtimeRoot(roots), id)}`,
        `task ${join(supervisorRoot(roots), id)}`,
        `bundle ${bundlePath(roots, id)}`,
        `layer ${layerPath(roots, id)}`,
        `files ${containerPath(roots, id)}`,
      ].sort(),
    )
    await releaseAll()
    await expect.poll(() => member.signalCode).toBe('SIGKILL')
    expect(await observe()).toEqual([])
    expect([...paths, layerPath(roots, `${id}-init`)].filter(existsSync)).toEqual([])
    expect([link(id), link(`${id}-init`)].filter(isThere)).toEqual([])
    expect(mountsBelowRoots()).toEqual([])
  })

  it('may be the link of a layer alone', async () => {
    layer(`${id}-init`)
    rmSync(layerPath(roots, `${id}-init`), { recursive: true })
    expect(await observe()).toEqual([{ kind: 'layer', id, path: layerPath(roots, id) }])
    await releaseAll()
    expect(isThere(link(`${id}-init`))).toBe(false)
  })

  it('may be a shim without a directory, which is killed; one that has it is the supervisor’s', async () => {
    using world = new World()
    roots = { ...roots, execRoot: world.execRoot }
    const [lost, kept] = [world.task(['sleep', '1000']), world.task(['sleep', '1000'])]
    const supervisor = await openSupervisor(world.options)
    const shims = [await supervisor.startShim(lost), await supervisor.startShim(kept)]
    for (const { id } of [lost, kept]) await supervisor.awaitPid(id)
    await supervisor[Symbol.asyncDispose]()
    rmSync(join(supervisorRoot(roots), lost.id), { recursive: true })
    const [found, ...more] = (await observe()).filter(({ kind }) => kind === 'shim')
    expect([found, more]).toEqual([{ kind: 'shim', id: lost.id, path: String(shims[0]?.pid) }, []])
    for (const [index, { id }] of [lost, kept].entries())
      await leftoversOf(roots).release({ kind: 'shim', id, path: String(shims[index]?.pid) })
    await expect.poll(() => shims.map(isAlive)).toEqual([false, true])
    const again = await openSupervisor(world.options)
    await again.delete(kept.id)
    await again[Symbol.asyncDispose]()
    execFileSync('runc', ['--root', world.options.runtimeRoot, 'delete', '--force', lost.id])
  })

  it('is released in the order in which nothing stands on it any more, and once more without harm', async () => {
    const host = join(roots.dataRoot, '..', 'host')
    make(host, join(bundlePath(roots, id), 'rootfs'))
    writeFileSync(join(host, 'precious'), '')
    execFileSync('mount', ['--bind', host, join(bundlePath(roots, id), 'rootfs')])
    const found = await observe()
    await releaseAll()
    for (const one of found) await leftoversOf(roots).release(one)
    expect(existsSync(bundlePath(roots, id))).toBe(false)
    expect(existsSync(join(host, 'precious'))).toBe(true)
  })

  it('may be a control group with others below it', async () => {
    const { paths, member } = group(id)
    const [path = ''] = paths.filter((one) => !one.includes('/cpuset/'))
    make(join(path, 'below'))
    groups.push(join(path, 'below'))
    await leftoversOf(roots).release({ kind: 'cgroup', id, path })
    expect(existsSync(path)).toBe(false)
    await expect.poll(() => member.signalCode).toBe('SIGKILL')
  })
})

it('What containers have written is passed over and said for a log that was lost', async () => {
  layer(`${id}-init`)
  make(containerPath(roots, id), bundlePath(roots, id))
  const said: object[] = []
  const leftovers = keepingWritten(leftoversOf(roots), (message, fields) => said.push({ message, ...fields }))
  expect(await leftovers.observe([parent])).toEqual([{ kind: 'bundle', id, path: bundlePath(roots, id) }])
  const message = 'orphan kept, since the log is empty'
  expect(said).toEqual([
    { message, kind: 'layer', container: id, path: layerPath(roots, id) },
    { message, kind: 'files', container: id, path: containerPath(roots, id) },
  ])
})

describe('What is somebody else’s', () => {
  it('is not seen: image layers, other names, other places, other parents', async () => {
    layer(other)
    layer('notes-init')
    make(containerPath(roots, 'notes'), bundlePath(roots, 'notes'), join(roots.dataRoot, 'volumes', other))
    tmpfs(join(roots.dataRoot, 'mine'))
    group('somebody')
    expect(await observe()).toEqual([])
    expect(await leftoversOf(roots).observe([`${parent}-other`, '/../../../../etc'])).toEqual([])
  })

  it('stays when a parent climbs out of its hierarchy', async () => {
    make(join(roots.dataRoot, id))
    const climbing = `${'/..'.repeat(8)}${roots.dataRoot}`
    expect(await leftoversOf(roots).observe([climbing])).toEqual([])
  })
})

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
