/** Images in the shapes of Docker's API. */
import { join } from 'node:path'
import { nanoseconds } from '../../clock.ts'
import type { Image, ImageHistory } from '../../images/port.ts'
import { layerPath, type Roots } from '../../paths.ts'

/** What an image uses beyond its own size, where it was counted; -1 says that it was not. */
export interface ImageUse {
  readonly containers: number
  readonly sharedSize: number
}

/** An item of `GET /images/json`. */
export function imageSummary(image: Image, { containers, sharedSize }: ImageUse): object {
  const untagged = image.tags.length === 0
  return {
    Containers: containers,
    Created: unixSeconds(image.createdAt),
    Id: image.id,
    Labels: image.config.Labels ?? null,
    ParentId: '',
    RepoDigests: untagged ? ['<none>@<none>'] : null,
    RepoTags: untagged ? ['<none>:<none>'] : image.tags,
    SharedSize: sharedSize,
    Size: image.size,
    VirtualSize: image.size,
  }
}

/** `GET /images/{name}/json`. */
export function imageInspection(image: Image, roots: Roots): object {
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: [],
    Parent: '',
    Comment: image.comment,
    Created: image.createdAt,
    Container: image.container ?? '',
    ContainerConfig: { ...emptyConfig, ...image.containerConfig },
    DockerVersion: image.dockerVersion,
    Author: image.author,
    Config: { ...emptyConfig, ...image.config },
    Architecture: image.architecture,
    ...(image.variant === undefined ? {} : { Variant: image.variant }),
    Os: image.os,
    Size: image.size,
    VirtualSize: image.size,
    GraphDriver: { Data: layerDirectories(image, roots), Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: image.diffIds },
    Metadata: { LastTagTime: '0001-01-01T00:00:00Z' },
  }
}

/**
 * `GET /images/{name}/history`, the newest step first. Only the last one is known by an id.
 * @param sizes bytes of each layer, lowest first.
 */
export function imageHistory(image: Image, sizes: readonly number[]): readonly object[] {
  const steps: object[] = []
  let layer = 0
  for (const [index, step] of image.history.entries()) {
    const size = step.empty_layer === true ? 0 : (sizes[layer++] ?? 0)
    steps.unshift(historyStep(step, size, index === image.history.length - 1 ? image : undefined))
  }
  return steps
}

const historyStep = (step: ImageHistory, size: number, image: Image | undefined): object => ({
  Comment: step.comment ?? '',
  Created: step.created === undefined ? 0 : unixSeconds(step.created),
  CreatedBy: step.created_by ?? '',
  Id: image?.id ?? '<missing>',
  Size: size,
  Tags: image && image.tags.length > 0 ? image.tags : null,
})

function layerDirectories({ layers }: Image, roots: Roots): Readonly<Record<string, string>> {
  const [top, ...lower] = layers.map((layer) => layerPath(roots, layer)).reverse()
  if (top === undefined) return {}
  return {
    ...(lower.length > 0 && { LowerDir: lower.map((path) => join(path, 'diff')).join(':') }),
    MergedDir: join(top, 'merged'),
    UpperDir: join(top, 'diff'),
    WorkDir: join(top, 'work'),
  }
}

const unixSeconds = (time: string): number => Number(nanoseconds(time) / 1_000_000_000n)

const emptyConfig = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
} as const
