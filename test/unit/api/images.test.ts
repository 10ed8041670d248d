import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { badRequest, noSuchImage } from '../../../src/errors.ts'
import type { Images } from '../../../src/images/port.ts'
import { daemon, engineWith, serverFor, viewOf } from './parts.ts'
import { anImage as image } from './server-under-test.ts'

const container = viewOf({ status: 'exited' })

const api = (images: Partial<Images>) => serverFor(engineWith([container], { images }))

describe('GET /images/json', () => {
  it('has the shape of dockerd 20.10', async () => {
    const answer = await api({ list: () => [image()] }).inject('/v1.41/images/json')
    expect(answer.json()).toEqual([
      {
        Containers: -1,
        Created: 1795503095,
        Id: image().id,
        Labels: null,
        ParentId: '',
        RepoDigests: null,
        RepoTags: ['busybox:latest'],
        SharedSize: -1,
        Size: 1982298,
        VirtualSize: 1982298,
      },
    ])
  })

  const old = image({ id: 'sha256:old', tags: ['a/b/c:1', 'busybox:1'], createdAt: '2025-01-01T00:00:00Z' })
  const labelled = image({
    id: 'sha256:new',
    tags: ['localhost:5000/x:latest'],
    config: { Labels: { a: 'b' } },
  })
  const dangling = image({ id: 'sha256:none', tags: [], createdAt: '2025-06-01T00:00:00Z' })
  const list = () => [old, labelled, dangling]
  const get = () => dangling

  const tagsOf = async (filters: object) => {
    const query = { filters: JSON.stringify(filters) }
    const answer = await api({ list, get }).inject({ url: '/images/json', query })
    expect(answer.statusCode).toBe(200)
    return answer.json().flatMap((item: { RepoTags: string[] }) => item.RepoTags)
  }

  it('shows the newest first, and images without a name', async () => {
    expect(await tagsOf({})).toEqual(['localhost:5000/x:latest', '<none>:<none>', 'a/b/c:1', 'busybox:1'])
  })

  it.each([
    [{ reference: ['busybox'] }, ['busybox:1']],
    [{ reference: { 'a/*/c': true } }, ['a/b/c:1']],
    [{ reference: ['a/*'] }, []],
    [{ reference: ['bus[a-z]box:?'] }, ['busybox:1']],
    [{ reference: ['localhost:5000/x', 'busybox:*'] }, ['localhost:5000/x:latest', 'busybox:1']],
    [{ dangling: ['true'] }, ['<none>:<none>']],
    [{ dangling: ['0'] }, ['localhost:5000/x:latest', 'a/b/c:1', 'busybox:1']],
    [{ label: ['a=b'] }, ['localhost:5000/x:latest']],
    [{ before: ['none'] }, ['a/b/c:1', 'busybox:1']],
    [{ since: ['none'] }, ['localhost:5000/x:latest']],
  ])('filters by %j', async (filters, tags) => {
    expect(await tagsOf(filters)).toEqual(tags)
  })

  it.each([
    [{ dangling: ['x'] }, 400, "Invalid filter 'dangling=[x]'"],
    [{ until: ['1h'] }, 400, "Invalid filter 'until'"],
    [{ reference: ['['] }, 500, 'syntax error in pattern'],
    [{ reference: ['[z-a]'] }, 500, 'syntax error in pattern'],
  ])('refuses %j as Docker does', async (filters, status, message) => {
    const query = { filters: JSON.stringify(filters) }
    const answer = await api({ list, get }).inject({ url: '/images/json', query })
    expect([answer.statusCode, answer.json()]).toEqual([status, { message }])
  })
})

describe('GET /images/{name}/…', () => {
  it.each([
    ['/images/busybox/json', 'busybox'],
    ['/v1.41/images/a/b/c:1/json', 'a/b/c:1'],
    ['/images/localhost:5000%2Fx/json', 'localhost:5000/x'],
    ['/images/json/json', 'json'],
    ['/images/x@sha256:11/history', 'x@sha256:11'],
  ])('%s is about %s', async (url, expected) => {
    const asked: string[] = []
    const get = (reference: string) => {
      asked.push(reference)
      return image()
    }
    expect((await api({ get }).inject(url)).statusCode).toBe(200)
    expect(asked).toEqual([expected])
  })

  it('inspects with the fields of dockerd 20.10', async () => {
    const answer = await api({ get: () => image({ layers: ['low', 'top'] }) }).inject('/images/x/json')
    expect(answer.json()).toMatchObject({
      Id: image().id,
      RepoTags: ['busybox:latest'],
      Comment: 'hello',
      Created: '2026-11-24T06:51:35.476311514Z',
      Config: { Cmd: ['sh'], Env: ['A=b'], Entrypoint: null, WorkingDir: '', OnBuild: null },
      Architecture: 'amd64',
      Os: 'linux',
      Size: 1982298,
      RootFS: { Type: 'layers', Layers: image().diffIds },
      GraphDriver: {
        Name: 'overlay2',
        Data: {
          UpperDir: `${daemon.roots.dataRoot}/overlay2/top/diff`,
          LowerDir: `${daemon.roots.dataRoot}/overlay2/low/diff`,
        },
      },
    })
  })

  it('tells the history from the newest step, sizes where a layer was made', async () => {
    const created = '1970-01-01T00:00:07Z'
    const history = [
      { created, created_by: 'ADD x' },
      { created, created_by: 'CMD', empty_layer: true },
    ]
    const answer = await api({ get: () => image({ history }) }).inject('/images/x/history')
    const expected = { Comment: '', Created: 7, Size: 0 }
    expect(answer.json()).toEqual([
      { ...expected, Id: image().id, CreatedBy: 'CMD', Tags: ['busybox:latest'] },
      { ...expected, Id: '<missing>', CreatedBy: 'ADD x', Tags: null },
    ])
  })

  it.each([
    ['GET', '/images/x/get', 501],
    ['GET', '/images/get?names=x', 501],
    ['POST', '/images/x/push', 501],
    ['GET', '/images/x/unknown', 404],
    ['GET', '/images/json/', 404],
  ] as const)('%s %s answers %i', async (method, url, status) => {
    expect((await api({}).inject({ method, url })).statusCode).toBe(status)
  })

  it('answers 404 in the words of the store', async () => {
    const get = (reference: string) => {
      throw noSuchImage(`${reference}:latest`)
    }
    const answer = await api({ get }).inject('/images/nope/json')
    expect([answer.statusCode, answer.json()]).toEqual([404, { message: 'No such image: nope:latest' }])
  })
})

describe('POST /images/create', () => {
  it('imports the archive of the body with all that the client said', async () => {
    const received: unknown[] = []
    const importImage: Images['import'] = async (archive, options, origin) => {
      received.push(await text(archive), options, origin.request)
      return 'sha256:abc'
    }
    const url = '/images/create?fromSrc=-&repo=a%2Fb:1&tag=2&message=hello&changes=CMD+sh&changes=ENV+A%3Db'
    const answer = await api({ import: importImage }).inject({
      method: 'POST',
      url,
      payload: 'tar',
      headers: { 'content-type': 'text/plain' },
    })
    expect([answer.statusCode, answer.headers['content-type'], answer.body]).toEqual([
      200,
      'application/json',
      '{"status":"sha256:abc"}\r\n',
    ])
    const options = { repository: 'a/b:1', tag: '2', message: 'hello', changes: ['CMD sh', 'ENV A=b'] }
    expect(received).toEqual(['tar', options, `POST ${url}`])
  })

  it('imports without any name', async () => {
    const options: unknown[] = []
    const importImage: Images['import'] = async (_archive, given) => {
      options.push(given)
      return 'sha256:abc'
    }
    await api({ import: importImage }).inject({ method: 'POST', url: '/images/create?fromSrc=-&repo=&tag=' })
    expect(options).toEqual([{ changes: [] }])
  })

  it('answers a broken archive with its status', async () => {
    const importImage = async () => {
      throw badRequest('invalid tar header')
    }
    const answer = await api({ import: importImage }).inject({
      method: 'POST',
      url: '/images/create?fromSrc=-',
    })
    expect([answer.statusCode, answer.json()]).toEqual([400, { message: 'invalid tar header' }])
  })

  it.each([
    [
      'fromImage=busybox&tag=latest',
      501,
      'pulling "busybox:latest" is not supported yet: bring it here by docker load or docker import',
    ],
    [
      'fromImage=x&tag=sha256:11',
      501,
      'pulling "x@sha256:11" is not supported yet: bring it here by docker load or docker import',
    ],
    ['fromSrc=http://x/y.tar', 501, 'importing from a URL is not supported yet: send the archive itself'],
    ['', 400, 'neither fromImage nor fromSrc says what to create the image from'],
  ])('answers ?%s with %i', async (query, status, message) => {
    const answer = await api({}).inject({ method: 'POST', url: `/images/create?${query}` })
    expect([answer.statusCode, answer.json()]).toEqual([status, { message }])
  })
})

describe('POST /images/load', () => {
  const post = (load: Images['load']) =>
    api({ load }).inject({
      method: 'POST',
      url: '/images/load?quiet=1',
      payload: 'tar',
      headers: { 'content-type': 'application/x-tar' },
    })

  it('streams what was loaded', async () => {
    const answer = await post(async (archive) => [
      `Loaded image: ${await text(archive)}:1`,
      'Loaded image ID: sha256:2',
    ])
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.body).toBe(
      '{"stream":"Loaded image: tar:1\\n"}\r\n{"stream":"Loaded image ID: sha256:2\\n"}\r\n',
    )
  })

  it('tells a failure in the stream, as Docker does', async () => {
    const answer = await post(async () => {
      throw badRequest('unexpected EOF')
    })
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { errorDetail: { message: 'unexpected EOF' }, error: 'unexpected EOF' },
    ])
  })
})

describe('tagging and removing', () => {
  it('tags and answers 201', async () => {
    const calls: unknown[] = []
    const tag: Images['tag'] = async (reference, target) => void calls.push([reference, target])
    const answer = await api({ tag }).inject({ method: 'POST', url: '/images/a/b:1/tag?repo=c/d&tag=2' })
    expect([answer.statusCode, answer.body, calls]).toEqual([
      201,
      '',
      [['a/b:1', { repository: 'c/d', tag: '2' }]],
    ])
  })

  it('removes, and tells the store which containers use an image', async () => {
    const users: unknown[] = []
    const remove: Images['remove'] = async (reference, { force, noPrune, usedBy }) => {
      users.push(usedBy(container.context.spec?.image.id ?? ''), usedBy('sha256:other'))
      return [{ Untagged: `${reference} ${force} ${noPrune}` }, { Deleted: 'sha256:1' }]
    }
    const answer = await api({ remove }).inject({ method: 'DELETE', url: '/images/a/b:1?force=1&noprune=0' })
    expect(answer.json()).toEqual([{ Untagged: 'a/b:1 true false' }, { Deleted: 'sha256:1' }])
    expect(users).toEqual([[{ containerId: container.id, running: false }], []])
  })
})
