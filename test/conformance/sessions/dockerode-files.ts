/** Files, images and volumes by dockerode. */
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { StreamBytes } from '../../../src/images/byte-source.ts'
import { TarReader } from '../../../src/images/tar-reader.ts'
import { directory, file, tar } from '../../fixtures/images/tar-builder.ts'
import { dockerode, shell } from '../clients/dockerode.ts'
import { session } from '../session.ts'

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

const volumes = session(
  'dockerode: volumes',
  dockerode('create', async (docker) => {
    await docker.createVolume({ Name: 'ode-volume', Labels: { a: 'b' } })
    const { Name, Driver, Labels, Scope, Options } = await docker.getVolume('ode-volume').inspect()
    return { Name, Driver, Labels, Scope, Options }
  }),
  dockerode('list', async (docker) => {
    const { Volumes, Warnings } = await docker.listVolumes({ filters: { label: ['a=b'] } })
    return [Volumes.map(({ Name, Driver, Scope }) => [Name, Driver, Scope]), Warnings]
  }),
  dockerode('use', async (docker) => {
    const HostConfig = { NetworkMode: 'none', Binds: ['ode-volume:/v'] }
    const container = await docker.createContainer({ ...shell('echo kept >/v/f'), name: 'user', HostConfig })
    await container.start()
    await container.wait()
    return (await container.inspect()).Mounts
  }),
  dockerode('remove a used one', (docker) => docker.getVolume('ode-volume').remove()),
  dockerode('remove', async (docker) => {
    await docker.getContainer('user').remove()
    await docker.getVolume('ode-volume').remove()
  }),
  dockerode('inspect nothing', (docker) => docker.getVolume('ode-volume').inspect()),
)

export const filesByDockerode = [files, images, saving, volumes] as const

async function namesIn(archive: Readable): Promise<readonly string[]> {
  const reader = new TarReader(new StreamBytes(archive))
  const names: string[] = []
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next())
    names.push(entry.name)
  return names
}

const sortedPaths = (changes: readonly { readonly Path: string; readonly Kind: number }[]) =>
  changes.map(({ Path, Kind }) => `${Kind} ${Path}`).toSorted()
