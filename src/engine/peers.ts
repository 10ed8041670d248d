/** Finds the containers whose namespaces another one joins. */
import type { HostConfig } from '../../machines/spec.ts'
import { badRequest, TallyError } from '../errors.ts'
import { joinedContainer } from '../oci/namespaces.ts'
import type { ContainerRows } from '../store/port.ts'
import type { FindPeer, Peer } from '../workers/peer.ts'
import type { ContainerView } from './port.ts'
import { findContainer, viewOf } from './queries.ts'

export const peerFinder =
  (containers: ContainerRows): FindPeer =>
  (ref) =>
    toPeer(viewOf(findContainer(containers, ref)))

/**
 * Writes the id where a name was given: the container is still meant when it is renamed.
 * @throws TallyError bad-request, as in Docker: the docker CLI takes a 404 for a missing image.
 */
export function withPeerIds(hostConfig: HostConfig, containers: ContainerRows): HostConfig {
  const { PidMode, IpcMode } = hostConfig
  return {
    ...hostConfig,
    ...(PidMode === undefined ? {} : { PidMode: withId(PidMode, containers) }),
    ...(IpcMode === undefined ? {} : { IpcMode: withId(IpcMode, containers) }),
  }
}

function toPeer({ id, status, state, context }: ContainerView): Peer {
  return {
    id,
    state: peerState(status, state.running),
    pid: state.pid,
    ipcMode: context.spec?.hostConfig.IpcMode ?? '',
  }
}

function peerState(status: ContainerView['status'], running: boolean): Peer['state'] {
  if (status === 'restarting') return 'restarting'
  return running ? 'running' : 'not running'
}

function withId(mode: string, containers: ContainerRows): string {
  const ref = joinedContainer(mode)
  if (!ref) return mode
  try {
    return `container:${findContainer(containers, ref).id}`
  } catch (error) {
    throw error instanceof TallyError ? badRequest(error.message, error) : error
  }
}
