/** The same objects on each daemon, of which all answers are compared afterwards: containers in every state, images, a volume's worth of options. */
import { ApiClient } from '../../e2e/api-client.ts'
import type { Target } from '../session.ts'

const none = ['--network', 'none'] as const

const limits = ['--memory', '64m', '--memory-reservation', '32m', '--cpus', '0.5', '--pids-limit', '50']
const labels = ['-l', 'color=red', '-e', 'A=1', '-e', 'EMPTY=', '-w', '/tmp', '-u', '1000:1000']
const files = [
  '-v',
  '/etc:/host:ro',
  '--mount',
  'type=bind,src=/usr,dst=/usr2,readonly',
  '--tmpfs',
  '/t:size=1m',
]
const rights = ['--cap-add', 'NET_ADMIN', '--cap-drop', 'KILL', '--read-only', '--ulimit', 'nofile=100:200']
const ends = ['--stop-signal', 'USR1', '--stop-timeout', '3', '--shm-size', '1m']
const rest = ['--hostname', 'here', '--log-opt', 'max-size=1m', '--log-opt', 'max-file=2']

/** Command lines of `docker`; one that fails has to fail on both. */
const made: readonly (readonly string[])[] = [
  ['create', ...none, '--name', 'created', 'bb', 'true'],
  ['run', '-d', ...none, '--name', 'running', 'bb', 'sleep', '1000'],
  ['run', ...none, '--name', 'exited', 'bb', 'sh', '-c', 'echo out; exit 3'],
  ['run', ...none, '--name', 'unstartable', 'bb', 'no-such-command'],
  ['run', '-d', ...none, '--name', 'killed', 'bb', 'sleep', '1000'],
  ['kill', 'killed'],
  ['wait', 'killed'],
  ['run', '-dit', ...none, '--name', 'terminal', 'bb', 'cat'],
  ['create', ...none, '--name', 'entry', '--entrypoint', 'echo', 'bb', 'one', 'two words'],
  ['create', ...none, '--name', 'optional', ...limits, ...labels, ...files, 'bb', 'sleep', '1'],
  ['create', ...none, '--name', 'restricted', ...rights, ...ends, ...rest, 'bb', 'sleep', '1'],
  ['commit', '-a', 'someone', '-m', 'why', '-c', 'ENV X=1', '-c', 'LABEL a=b', 'exited', 'made:1'],
  ['tag', 'bb', 'other/name:tag'],
  ['tag', 'bb', 'third'],
  ['create', ...none, '--name', 'derived', 'made:1'],
]

export const containers = [
  'created',
  'running',
  'exited',
  'unstartable',
  'killed',
  'terminal',
  'entry',
  'optional',
  'restricted',
  'derived',
  'minimal',
] as const

/** @returns the exit code of each command. */
export async function makeScene(target: Target): Promise<readonly number[]> {
  const codes: number[] = []
  for (const words of made) codes.push((await target.docker(...words)).code)
  using api = new ApiClient(target.socket)
  await api.create({ Image: 'bb', Cmd: ['true'], HostConfig: { NetworkMode: 'none' } }, 'minimal')
  return codes
}

export interface Probe {
  readonly name: string
  readonly path: string
  /** Lists whose order is not said by Docker are put in the order of this field. */
  readonly sortedBy?: string
}

export const probes: readonly Probe[] = [
  ...containers.map((name) => ({ name: `inspect ${name}`, path: `/containers/${name}/json` })),
  { name: 'inspect with sizes', path: '/containers/exited/json?size=1' },
  { name: 'ps', path: '/containers/json?all=1' },
  { name: 'ps with sizes', path: '/containers/json?all=1&size=1' },
  { name: 'images', path: '/images/json', sortedBy: 'RepoTags' },
  { name: 'image bb', path: '/images/bb/json' },
  { name: 'image made', path: '/images/made:1/json' },
  { name: 'history', path: '/images/made:1/history' },
  { name: 'info', path: '/info' },
  { name: 'version', path: '/version' },
  { name: 'df', path: '/system/df' },
  { name: 'networks', path: '/networks', sortedBy: 'Name' },
  { name: 'network none', path: '/networks/none' },
  { name: 'volumes', path: '/volumes' },
]
