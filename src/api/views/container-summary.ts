/** One element of `GET /containers/json`. */
import type { ContainerSpec } from '../../../machines/spec.ts'
import { nanoseconds } from '../../clock.ts'
import type { ContainerView } from '../../engine/port.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { commandText } from './command.ts'
import { mountViews } from './mounts.ts'
import { attachedNetworks, networkModeOf } from './networks.ts'
import { statusText } from './status-text.ts'

export interface Summary {
  readonly daemon: DaemonInfo
  readonly view: ContainerView
  readonly spec: ContainerSpec
  /** The image's name, if it still has the one that the container was created with, else its id. */
  readonly image: string
  /** RFC 3339. */
  readonly now: string
}

export function summaryView({ daemon, view, spec, image, now }: Summary): Record<string, unknown> {
  return {
    Id: view.id,
    Names: [`/${view.name}`],
    Image: image,
    ImageID: spec.image.id,
    Command: commandText(spec.config),
    Created: Number(nanoseconds(spec.createdAt) / 1_000_000_000n),
    Ports: [],
    Labels: spec.config.Labels,
    State: view.status,
    Status: statusText(view, now),
    HostConfig: { NetworkMode: networkModeOf(view) },
    NetworkSettings: { Networks: attachedNetworks(daemon, view) },
    Mounts: mountViews(daemon.roots, spec),
  }
}
