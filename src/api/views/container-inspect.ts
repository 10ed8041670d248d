/** `GET /containers/{id}/json`: everything about one container in Docker's words. */
import { join } from 'node:path'
import type { ContainerConfig, ContainerSpec } from '../../../machines/spec.ts'
import type { ContainerView } from '../../engine/port.ts'
import { containerPath, initLayer, layerPath, logPath, type Roots, rootfsPath } from '../../paths.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { commandLine } from './command.ts'
import { hostConfigView } from './host-config.ts'
import { mountViews } from './mounts.ts'
import { networkSettings } from './networks.ts'
import { nullIfEmpty } from './null-if-empty.ts'

/** @param sizes bytes of the container's own layer and of all layers, if the client asked for them */
export function inspectView(
  daemon: DaemonInfo,
  view: ContainerView,
  spec: ContainerSpec,
  sizes: { readonly SizeRw: number; readonly SizeRootFs: number } | undefined,
  execIds: readonly string[] = [],
): Record<string, unknown> {
  const { path, args } = commandLine(spec.config)
  return {
    Id: view.id,
    Created: spec.createdAt,
    Path: path,
    Args: args,
    State: stateView(view),
    Image: spec.image.id,
    ...files(daemon.roots, view, spec),
    Name: `/${view.name}`,
    RestartCount: view.context.restarts?.count ?? 0,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length === 0 ? null : execIds,
    HostConfig: hostConfigView(spec.hostConfig, daemon.cgroup.version),
    GraphDriver: { Data: layerPaths(daemon.roots, view.id, spec), Name: 'overlay2' },
    ...sizes,
    Mounts: mountViews(daemon.roots, spec),
    Config: configView(spec.config),
    NetworkSettings: networkSettings(daemon, view),
  }
}

function stateView({ status, state }: ContainerView) {
  return {
    Status: status,
    Running: state.running,
    Paused: state.paused,
    Restarting: status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: state.dead,
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
  }
}

/** They are written for the first start: until then there are none. */
function files(roots: Roots, { id, context }: ContainerView, { hostConfig }: ContainerSpec) {
  if (context.run === null) return { ResolvConfPath: '', HostnamePath: '', HostsPath: '', LogPath: '' }
  const directory = containerPath(roots, id)
  return {
    ResolvConfPath: join(directory, 'resolv.conf'),
    HostnamePath: join(directory, 'hostname'),
    HostsPath: join(directory, 'hosts'),
    LogPath: hostConfig.LogConfig.Type === 'json-file' ? logPath(roots, id) : '',
  }
}

/** Lower directories from the uppermost down, as overlayfs takes them. */
function layerPaths(roots: Roots, id: string, { image }: ContainerSpec) {
  const lower = [initLayer(id), ...image.layers.toReversed()]
  return {
    LowerDir: lower.map((layer) => join(layerPath(roots, layer), 'diff')).join(':'),
    MergedDir: rootfsPath(roots, id),
    UpperDir: join(layerPath(roots, id), 'diff'),
    WorkDir: join(layerPath(roots, id), 'work'),
  }
}

const configView = (config: ContainerConfig) => ({ ...config, Env: nullIfEmpty(config.Env), OnBuild: null })
