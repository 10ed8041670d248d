/** What programs do by dockerode: lives of containers, streams, files, images and events. */
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import type Dockerode from 'dockerode'
import { StreamBytes } from '../../../src/images/byte-source.ts'
import { TarReader } from '../../../src/images/tar-reader.ts'
import { directory, file, tar } from '../../fixtures/images/tar-builder.ts'
import { demultiplexed, demultiplexedBuffer, dockerode } from '../clients/dockerode.ts'
import { session } from '../session.ts'

const alone = { HostConfig: { NetworkMode: 'none' } } as const

const shell = (script: string) => ({ Image: 'bb', Cmd: ['sh', '-c', script], ...alone })

/** The fields of a state that do not change from run to run. */
async function stateOf(docker: Dockerode, name: string): Promise<object> {
  const { State, Name, RestartCount } = await docker.getContainer(name).inspect()
  const { Status, Running, Paused, Restarting, OOMKilled, Dead, ExitCode, Error: error } = State
  return { Status, Running, Paused, Restarting, OOMKilled, Dead, ExitCode, error, Name, RestartCount }
}

const life = session(
  'dockerode: life of a container',
  dockerode(
    'create',
    async (docker) => (await docker.createContainer({ name: 'ode', ...shell('exit 4') })).id,
  ),
  dockerode('create again', (docker) => docker.createContainer({ name: 'ode', ...shell('true') })),
  dockerode('create of nothing', (docker) => docker.createContainer({ Image: 'gone', ...alone })),
  dockerode('create with a bad name', (docker) => docker.createContainer({ name: '/', ...shell('true') })),
  dockerode('inspect', (docker) => stateOf(docker, 'ode')),
  dockerode('start and wait', async (docker) => {
    const container = docker.getContainer('ode')
    const ended = container.wait({ condition: 'next-exit' })
    const started = await container.start()
    return [started.toString(), await ended]
  }),
  dockerode('inspect', (docker) => stateOf(docker, 'ode')),
  dockerode('stop of a stopped one', (docker) => docker.getContainer('ode').stop()),
  dockerode('kill of a stopped one', (docker) => docker.getContainer('ode').kill()),
  dockerode('rename', (docker) => docker.getContainer('ode').rename({ name: 'edo' })),
  dockerode('inspect', (docker) => stateOf(docker, 'edo')),
  dockerode('inspect by the old name', (docker) => docker.getContainer('ode').inspect()),
  dockerode('remove', (docker) => docker.getContainer('edo').remove()),
  dockerode('remove again', (docker) => docker.getContainer('edo').remove()),
  dockerode('run', async (docker) => {
    const container = await docker.createContainer({ name: 'long', ...shell('exec sleep 1000') })
    await container.start()
    return await stateOf(docker, 'long')
  }),
  dockerode('start of a running one', (docker) => docker.getContainer('long').start()),
  dockerode('remove of a running one', (docker) => docker.getContainer('long').remove()),
  dockerode('a signal that is none', (docker) => docker.getContainer('long').kill({ signal: 'NONE' })),
  dockerode('restart', async (docker) => {
    await docker.getContainer('long').restart({ t: 0 })
    return await stateOf(docker, 'long')
  }),
  dockerode('kill', async (docker) => {
    const container = docker.getContainer('long')
    const ended = container.wait()
    await container.kill({ signal: 'KILL' })
    return await ended
  }),
  dockerode('inspect', (docker) => stateOf(docker, 'long')),
  dockerode('remove while waited for', async (docker) => {
    const container = docker.getContainer('long')
    const gone = container.wait({ condition: 'removed' })
    await container.remove({ force: true })
    return await gone
  }),
  dockerode('wait of nothing', (docker) => docker.getContainer('long').wait()),
)

const streams = session(
  'dockerode: streams',
  dockerode('attach to both outputs', async (docker) => {
    const container = await docker.createContainer({ name: 'both', ...shell('echo out; echo err >&2') })
    const stream = await container.attach({ stream: true, stdout: true, stderr: true })
    const outputs = demultiplexed(docker, stream)
    await container.start()
    return [await outputs, await container.wait()]
  }),
  dockerode('attach to what was', async (docker) => {
    const stream = await docker.getContainer('both').attach({ logs: true, stdout: true, stderr: true })
    return await demultiplexed(docker, stream)
  }),
  dockerode('logs', async (docker) => {
    const logs = await docker.getContainer('both').logs({ stdout: true, stderr: true })
    return await demultiplexedBuffer(docker, logs)
  }),
  dockerode('logs of one output', async (docker) => {
    const logs = await docker.getContainer('both').logs({ stderr: true, timestamps: true, tail: 1 })
    return await demultiplexedBuffer(docker, logs)
  }),
  dockerode('logs of neither', (docker) => docker.getContainer('both').logs({})),
  dockerode('stdin by an upgraded connection', async (docker) => {
    const options = { OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true }
    const container = await docker.createContainer({ name: 'cat', ...shell('cat; echo end >&2'), ...options })
    const wanted = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true }
    const stream = await container.attach(wanted)
    const outputs = demultiplexed(docker, stream)
    await container.start()
    stream.end(Buffer.from([0, 1, 2, 0xff, 0x0a]))
    return [await outputs, await container.wait()]
  }),
  dockerode('followed logs', async (docker) => {
    const container = await docker.createContainer({ name: 'follow', ...shell('echo 1; sleep 0.3; echo 2') })
    await container.start()
    const stream = await container.logs({ stdout: true, stderr: true, follow: true })
    return await demultiplexed(docker, stream)
  }),
  dockerode('terminal', async (docker) => {
    const options = { name: 'tty', Tty: true, AttachStdout: true }
    const container = await docker.createContainer({ ...shell('tty; stty size'), ...options })
    const stream = await container.attach({ stream: true, stdout: true, stderr: true })
    const output = text(Readable.from(stream))
    await container.start()
    await output
    return [(await container.logs({ stdout: true })).toString(), await container.wait()]
  }),
  dockerode('resize of a stopped one', (docker) => docker.getContainer('tty').resize({ h: 10, w: 20 })),
  dockerode('attach to nothing', (docker) => docker.getContainer('gone').attach({ stream: true })),
  dockerode('logs of nothing', (docker) => docker.getContainer('gone').logs({ stdout: true })),
  dockerode('remove', async (docker) => {
    for (const name of ['both', 'cat', 'follow', 'tty']) await docker.getContainer(name).remove()
  }),
)

/** Docker's running once: creates, attaches, starts, waits. */
const run = session(
  'dockerode: run',
  dockerode('run', async (docker) => {
    const output = new PassThrough()
    const command = ['sh', '-c', 'echo one; exit 5']
    const [result, container] = await docker.run('bb', command, output, { ...alone, Tty: true })
    await container.remove()
    return [result, await text(output)]
  }),
)

const files = session(
  'dockerode: files',
  dockerode('put', async (docker) => {
    const container = await docker.createContainer({ name: 'files', ...shell('cat /etc/new; ls -ln /etc/d') })
    const member = { ...file('d/f', 'text'), mode: 0o640, uid: 7, gid: 8 }
    await container.putArchive(tar(file('new', 'new\n'), directory('d'), member), { path: '/etc' })
  }),
  dockerode('get', async (docker) => {
    const stream = await docker.getContainer('files').getArchive({ path: '/etc/d' })
    return await namesIn(Readable.from(stream))
  }),
  dockerode('stat', async (docker) => {
    const { headers } = await docker.getContainer('files').infoArchive({ path: '/etc/new' })
    const { mtime, ...stat } = JSON.parse(
      Buffer.from(headers['x-docker-container-path-stat'], 'base64').toString(),
    )
    return [typeof mtime, stat]
  }),
  dockerode('stat of nothing', async (docker) => {
    await docker.getContainer('files').infoArchive({ path: '/gone' })
  }),
  dockerode('get nothing', (docker) => docker.getContainer('files').getArchive({ path: '/gone' })),
  dockerode('get no path', (docker) => docker.getContainer('files').getArchive({})),
  dockerode('put to nowhere', (docker) =>
    docker.getContainer('files').putArchive(tar(file('x', '')), { path: '/gone' }),
  ),
  dockerode('put what is no archive', (docker) =>
    docker.getContainer('files').putArchive(Buffer.alloc(700, 'x'), { path: '/etc' }),
  ),
  dockerode('changes', async (docker) => sortedPaths(await docker.getContainer('files').changes())),
  dockerode('export', async (docker) => {
    const names = await namesIn(Readable.from(await docker.getContainer('files').export()))
    return names.filter((name) => name.includes('etc/'))
  }),
  dockerode('commit', async (docker) => {
    const options = {
      repo: 'ode',
      tag: 'files',
      comment: 'c',
      author: 'a',
      changes: 'CMD ["cat","/etc/new"]',
    }
    const { Id } = await docker.getContainer('files').commit(options)
    const { Config, Author, Comment, RepoTags } = await docker.getImage('ode:files').inspect()
    return { Id, Cmd: Config.Cmd, Author, Comment, RepoTags }
  }),
  dockerode('remove', async (docker) => {
    await docker.getContainer('files').remove()
    return (await docker.getImage('ode:files').remove()) as unknown
  }),
)

const images = session(
  'dockerode: images',
  dockerode('list', async (docker) => {
    const found = await docker.listImages({ filters: { reference: ['bb'] } })
    return found.map(({ RepoTags }) => RepoTags)
  }),
  dockerode('list with an unknown filter', (docker) => docker.listImages({ filters: { color: ['red'] } })),
  dockerode('tag', async (docker) => {
    await docker.getImage('bb').tag({ repo: 'ode/image', tag: 'one' })
    return (await docker.getImage('ode/image:one').inspect()).RootFS.Type
  }),
  dockerode('tag with a bad name', (docker) => docker.getImage('bb').tag({ repo: 'UPPER', tag: 'one' })),
  dockerode('inspect nothing', (docker) => docker.getImage('gone').inspect()),
  dockerode('history of nothing', (docker) => docker.getImage('gone').history()),
  dockerode('remove nothing', (docker) => docker.getImage('gone').remove()),
  dockerode('import', async (docker) => {
    const stream = await docker.importImage(Readable.from([tar(file('f', 'x'))]), {
      repo: 'ode/import',
      tag: '1',
    })
    const lines = (await text(Readable.from(stream))).trim().split('\n')
    return lines.map((line) => JSON.parse(line))
  }),
  dockerode('remove', async (docker) => {
    for (const name of ['ode/image:one', 'ode/import:1']) await docker.getImage(name).remove()
  }),
)

const saving = session(
  'dockerode: saving',
  dockerode('get and load', async (docker) => {
    await docker.getImage('bb').tag({ repo: 'ode/saved', tag: '1' })
    const archive = await buffer(Readable.from(await docker.getImage('ode/saved:1').get()))
    await docker.getImage('ode/saved:1').remove()
    return await text(Readable.from(await docker.loadImage(Readable.from([archive]))))
  }),
  dockerode('remove', (docker) => docker.getImage('ode/saved:1').remove()),
)

const daemon = session(
  'dockerode: the daemon',
  dockerode('ping', async (docker) => (await docker.ping()).toString()),
  dockerode('version', async (docker) => Object.keys(await docker.version()).toSorted()),
  dockerode('networks', async (docker) => {
    const found = await docker.listNetworks()
    return found.map(({ Name, Driver, Scope }) => [Name, Driver, Scope]).filter(([name]) => name === 'none')
  }),
  dockerode('a network', async (docker) => (await docker.getNetwork('none').inspect()).Driver),
  dockerode('no network', (docker) => docker.getNetwork('gone').inspect()),
  dockerode('containers by label', async (docker) => {
    await docker.createContainer({ name: 'labelled', Labels: { a: 'b' }, ...shell('true') })
    const found = await docker.listContainers({ all: true, filters: { label: ['a=b'] } })
    return found.map(({ Names, State, Status, Labels, Command }) => ({
      Names,
      State,
      Status,
      Labels,
      Command,
    }))
  }),
  dockerode('events', async (docker) => {
    const until = Math.floor(Date.now() / 1_000) + 1
    const filters = { container: ['labelled'], type: ['container'] }
    const stream = await docker.getEvents({ since: 1, until, filters: JSON.stringify(filters) } as object)
    const lines = (await text(Readable.from(stream))).trim().split('\n')
    return lines
      .map((line) => JSON.parse(line))
      .map(({ Action, Actor, from, scope }) => [Action, Actor, from, scope])
  }),
  dockerode('remove', (docker) => docker.getContainer('labelled').remove()),
)

export const dockerodeSessions = [life, streams, run, files, images, saving, daemon] as const

async function namesIn(archive: Readable): Promise<readonly string[]> {
  const reader = new TarReader(new StreamBytes(archive))
  const names: string[] = []
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next())
    names.push(entry.name)
  return names
}

const sortedPaths = (changes: readonly { readonly Path: string; readonly Kind: number }[]) =>
  changes.map(({ Path, Kind }) => `${Kind} ${Path}`).toSorted()
