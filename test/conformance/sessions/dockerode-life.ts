/** Lives of containers and what the daemon tells, by dockerode. */

import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type Dockerode from 'dockerode'
import { dockerode, shell } from '../clients/dockerode.ts'
import { session } from '../session.ts'

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
  dockerode('create of nothing', (docker) =>
    docker.createContainer({ Image: 'gone', HostConfig: { NetworkMode: 'none' } }),
  ),
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

const freezing = session(
  'dockerode: freezing and figures',
  dockerode('run', async (docker) => {
    await (await docker.createContainer({ name: 'warm', ...shell('exec sleep 1000') })).start()
  }),
  dockerode('pause', async (docker) => {
    await docker.getContainer('warm').pause()
    return await stateOf(docker, 'warm')
  }),
  dockerode('pause again', (docker) => docker.getContainer('warm').pause()),
  dockerode('unpause', async (docker) => {
    await docker.getContainer('warm').unpause()
    return await stateOf(docker, 'warm')
  }),
  dockerode('unpause again', (docker) => docker.getContainer('warm').unpause()),
  dockerode('update', async (docker) => {
    const limits = {
      Memory: 64 << 20,
      MemorySwap: 128 << 20,
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 },
    }
    const answer: unknown = await docker.getContainer('warm').update(limits)
    const { HostConfig } = await docker.getContainer('warm').inspect()
    return [answer, HostConfig.Memory, HostConfig.MemorySwap, HostConfig.RestartPolicy]
  }),
  dockerode('top', async (docker) => {
    const { Titles, Processes } = await docker.getContainer('warm').top({ ps_args: 'ax -o pid,args' })
    return [Titles, Processes.map(([, words]: readonly string[]) => words)]
  }),
  dockerode('stats', async (docker) => {
    const { memory_stats, ...stats } = await docker.getContainer('warm').stats({ stream: false })
    return [
      stats.name,
      memory_stats.limit,
      Object.keys(stats).toSorted(),
      Object.keys(stats.cpu_stats).toSorted(),
    ]
  }),
  dockerode('stats of nothing', (docker) => docker.getContainer('gone').stats({ stream: false })),
  dockerode('prune', async (docker) => {
    await docker.getContainer('warm').kill()
    const { ContainersDeleted, SpaceReclaimed } = await docker.pruneContainers()
    return [ContainersDeleted, SpaceReclaimed]
  }),
)

export const lifeByDockerode = [life, daemon, freezing] as const
