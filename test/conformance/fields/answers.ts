/** What a daemon answers about a scene, with all that differs by nature named after what it is. */
import { ApiClient } from '../../e2e/api-client.ts'
import { plain } from '../outcome.ts'
import type { Target } from '../session.ts'
import { headsOf } from './heads.ts'
import { type Probe, probes } from './scene.ts'

/** One answer a probe, and the events until now. */
export async function answersOf(target: Target): Promise<Readonly<Record<string, unknown>>> {
  using api = new ApiClient(target.socket)
  const named = await idNaming(api)
  const answers: Record<string, unknown> = {}
  for (const probe of probes)
    answers[probe.name] = sorted(probe, named(await api.ask('GET', `/v1.41${probe.path}`)))
  answers.events = named(JSON.stringify(await eventsOf(api)))
  answers.heads = named(JSON.stringify(await headsOf(target)))
  return answers
}

/** Events of networks aside: tallyd has no endpoints to tell of yet. */
async function eventsOf(api: ApiClient): Promise<readonly object[]> {
  const until = Math.ceil(Date.now() / 1_000)
  const lines = await api.ask('GET', `/events?since=1&until=${until}`)
  return lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ Type }) => Type !== 'network')
}

/** Ids of containers, images and networks are replaced by names, so that they can be compared as well. */
async function idNaming(api: ApiClient): Promise<(answer: string) => unknown> {
  const names = new Map<string, string>()
  const list = async (path: string): Promise<readonly Listed[]> => JSON.parse(await api.ask('GET', path))
  for (const { Id, Names } of await list('/containers/json?all=1')) names.set(Id, Names?.[0] ?? '')
  for (const { Id, RepoTags } of await list('/images/json'))
    names.set(Id.replace('sha256:', ''), RepoTags?.[0] ?? '')
  for (const { Id, Name } of await list('/networks')) names.set(Id, Name ?? '')
  return (answer) => {
    let text = answer
    for (const [id, name] of names)
      text = text.replaceAll(id, `<id of ${name}>`).replaceAll(id.slice(0, 12), `<short id of ${name}>`)
    return JSON.parse(plain(text), inOrder)
  }
}

/** Docker goes through maps for these lists, in whatever order. */
const inOrder = (key: string, value: unknown): unknown =>
  Array.isArray(value) && ['Mounts', 'RepoTags'].includes(key)
    ? value.toSorted((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)))
    : value

interface Listed {
  readonly Id: string
  readonly Names?: readonly string[]
  readonly RepoTags?: readonly string[]
  readonly Name?: string
}

function sorted({ sortedBy }: Probe, answer: unknown): unknown {
  if (sortedBy === undefined || !Array.isArray(answer)) return answer
  return answer.toSorted((one, other) => String(one[sortedBy]).localeCompare(String(other[sortedBy])))
}
