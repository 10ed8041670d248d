/** The config of an image that `docker commit` makes of a container. */
import type { ContainerConfig } from '../../machines/spec.ts'
import { type ConfigBlob, type ConfigValue, sha256 } from './image-config.ts'
import { ownPlatform } from './platform.ts'
import type { ImageConfig } from './port.ts'

export interface CommittedImage {
  /** The image that the container was made of. */
  readonly parent: ConfigValue
  readonly containerId: string
  readonly containerConfig: ContainerConfig
  /** What containers of the new image inherit. */
  readonly config: ImageConfig
  /** Undefined: the container has written nothing. */
  readonly diffId: string | undefined
  readonly author: string
  readonly comment: string
  readonly created: string
}

/** History has one step more, named by the container's command, as Docker names it. */
export function committedConfig(made: CommittedImage): ConfigBlob {
  const { parent, author, comment, created, config, diffId } = made
  const step = {
    created,
    ...(author !== '' && { author }),
    created_by: (made.containerConfig.Cmd ?? []).join(' '),
    ...(comment !== '' && { comment }),
    ...(diffId === undefined && { empty_layer: true }),
  }
  const layers = diffId === undefined ? [] : [diffId]
  const value = {
    architecture: parent.architecture ?? ownPlatform.architecture,
    ...(parent.variant !== undefined && { variant: parent.variant }),
    os: parent.os ?? ownPlatform.os,
    author,
    comment,
    config,
    container: made.containerId,
    container_config: { ...made.containerConfig },
    created,
    history: [...(parent.history ?? []), step],
    rootfs: { type: 'layers', diff_ids: [...parent.rootfs.diff_ids, ...layers] },
  } as const satisfies ConfigValue & Record<string, unknown>
  const bytes = Buffer.from(JSON.stringify(value))
  return { bytes, id: sha256(bytes), value }
}
