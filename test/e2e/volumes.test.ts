/** Volumes by the docker CLI: shared, filled, copied into, kept over a daemon that is killed, and gone when they should be. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon } from './daemon.ts'

describe('volumes', { timeout: 120_000 }, () => {
  let daemon: Daemon
  beforeAll(async () => {
    daemon = await new Daemon().start()
    await daemon.importBusybox()
  })
  afterAll(() => daemon?.destroy())

  const directory = (...names: string[]): string => join(daemon.dataRoot, 'volumes', ...names)
  const directories = (): readonly string[] => readdirSync(directory()).sort()
  const docker = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon.docker(...words)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }
  const sh = (script: string, ...options: string[]): Promise<string> =>
    docker('run', '--rm', '--network', 'none', ...options, 'bb', 'sh', '-c', script)
  const restart = async (environment: Record<string, string> = {}): Promise<void> => {
    await daemon.end('SIGKILL')
    daemon.change({ environment })
    await daemon.start()
  }

  it('are seen by all containers that have them, at once, and written only by those that may', async () => {
    const write = 'until [ -e /data/asked ]; do sleep 0.1; done; echo answer >/data/answer'
    await docker(
      ...['run', '-d', '--rm', '--network', 'none', '--name', 'writer', '-v', 'shared:/data'],
      ...['bb', 'sh', '-c', write],
    )
    const read = 'touch /data/asked; until [ -s /data/answer ]; do sleep 0.1; done; cat /data/answer'
    expect(await sh(read, '-v', 'shared:/data')).toBe('answer\n')
    const refused = await daemon.docker(
      ...['run', '--rm', '--network', 'none', '--volumes-from', 'reader', 'bb', 'true'],
    )
    expect(refused.stderr).toContain('No such container: reader')
    const { stderr } = await daemon.docker(
      ...['run', '--rm', '--network', 'none', '-v', 'shared:/data:ro', 'bb', 'touch', '/data/x'],
    )
    expect(stderr).toContain('Read-only file system')
    await docker('wait', 'writer').catch(() => '')
  })

  it('get what the image has there, once and with its owner, also where they are in use already', async () => {
    expect(await sh('stat -c "%u:%g %a" /home/app', '-v', 'up:/home')).toBe('1000:1000 755\n')
    await sh('rmdir /home/app; touch /home/own', '-v', 'up:/home')
    expect(await sh('ls /home', '-v', 'up:/home')).toBe('own\n')
    await docker(
      ...['run', '-d', '--network', 'none', '--name', 'holder', '-v', 'held:/none', 'bb', 'sleep', '1000'],
    )
    expect(await sh('ls /home', '-v', 'held:/home')).toBe('app\n')
    const { stdout } = await daemon.docker('cp', 'holder:/none', '-')
    expect(stdout).toContain('none/app/')
    await docker('rm', '-f', 'holder')
    expect(await sh('ls /home', '-v', 'nothing:/home:nocopy')).toBe('')
  })

  it('are copied from and to while their container stands still', async () => {
    await docker('create', '--network', 'none', '--name', 'still', '-v', 'files:/files', 'bb')
    const file = join(daemon.root, 'note')
    writeFileSync(file, 'noted\n')
    await daemon.docker('cp', file, 'still:/files/')
    expect(await sh('cat /files/note', '--volumes-from', 'still')).toBe('noted\n')
    await docker('rm', 'still')
  })

  it('without a name go with their container if it is asked to or removes itself', async () => {
    const before = directories()
    await sh('touch /anonymous/file', '-v', '/anonymous')
    expect(directories()).toEqual(before)
    await docker('create', '--network', 'none', '--name', 'owner', '-v', '/anonymous', 'bb')
    expect(directories()).toHaveLength(before.length + 1)
    await docker('rm', '-v', 'owner')
    expect(directories()).toEqual(before)
  })

  it('are not removed while a container needs them', async () => {
    const id = (await docker('create', '--network', 'none', '--name', 'user', '-v', 'used:/x', 'bb')).trim()
    const { code, stderr } = await daemon.docker('volume', 'rm', 'used')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `Error response from daemon: remove used: volume is in use - [${id}]\n`,
    })
    await docker('volume', 'prune', '-f')
    expect(existsSync(directory('used', '_data'))).toBe(true)
    await docker('rm', 'user')
    await docker('volume', 'rm', 'used')
    expect(existsSync(directory('used'))).toBe(false)
  })

  it('show in disk usage', async () => {
    await sh('head -c 5000 /dev/zero >/big/file', '-v', 'big:/big')
    const usage = await docker(
      'system',
      'df',
      '-v',
      '--format',
      '{{range .Volumes}}{{.Name}} {{.Size}}\n{{end}}',
    )
    expect(usage).toContain('big 5kB')
    await docker('volume', 'rm', 'big')
  })

  it('outlive a daemon that is killed, and the record is true', async () => {
    await docker('volume', 'create', '--label', 'keep=1', 'kept')
    await sh('echo safe >/kept/file', '-v', 'kept:/kept')
    await docker('create', '--network', 'none', '--name', 'rest', '-v', 'kept:/kept', '-v', '/own', 'bb')
    const before = await docker('volume', 'ls', '-q')
    await restart()
    expect(await docker('volume', 'ls', '-q')).toBe(before)
    expect(await docker('volume', 'inspect', '-f', '{{json .Labels}}', 'kept')).toBe('{"keep":"1"}\n')
    expect(await sh('cat /kept/file', '-v', 'kept:/kept')).toBe('safe\n')
    expect((await daemon.docker('volume', 'rm', 'kept')).stderr).toContain('volume is in use')
    const { code, stdout } = await daemon.tally('verify')
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('every hash fits') })
    await daemon.end()
    const rebuilt = await daemon.tally('rebuild', '--data-root', daemon.dataRoot)
    expect(rebuilt).toMatchObject({ code: 0, stderr: '' })
    await daemon.start()
    expect(await docker('volume', 'ls', '-q')).toBe(before)
    await docker('rm', '-v', 'rest')
    await docker('volume', 'rm', 'kept')
  })

  it.each(['volume.make.after', 'volume.VolumeCreated.after', 'create.fillVolumes.after'])(
    'leave nothing of a creation that ended at %s',
    async (point) => {
      await docker('volume', 'create', 'bystander')
      const before = directories()
      await restart({ TALLY_FAULT: `${point}:1:kill` })
      expect((await daemon.docker('create', '--network', 'none', '-v', '/home', 'bb')).code).toBe(1)
      await restart()
      expect(directories()).toEqual(before)
      expect(before).toContain('bystander')
      expect(await docker('volume', 'ls', '-q')).toBe(before.map((name) => `${name}\n`).join(''))
    },
  )

  it.each(['volume.VolumeRemoved.after', 'volume.delete.before'])(
    'leave nothing of a removal that ended at %s',
    async (point) => {
      await sh('touch /doomed/file', '-v', 'doomed:/doomed')
      await restart({ TALLY_FAULT: `${point}:1:kill` })
      expect((await daemon.docker('volume', 'rm', 'doomed')).code).toBe(1)
      await restart()
      expect(existsSync(directory('doomed'))).toBe(false)
      expect(await docker('volume', 'ls', '-q', '-f', 'name=doomed')).toBe('')
    },
  )
})
