/** `docker create`: the image's config and Docker's defaults are merged in, the layers are made, then the container exists in the log. */
import type { ContainerSpec, HostConfig, ImageReference } from '../../machines/spec.ts'
import type { Clock } from '../clock.ts'
import { badRequest } from '../errors.ts'
import { betweenPoints, type Faults } from '../faults.ts'
import type { Image, Images } from '../images/port.ts'
import type { Origin } from '../origin.ts'
import type { Random } from '../random.ts'
import { NameTakenError } from '../store/errors.ts'
import type { ContainerRows } from '../store/port.ts'
import { defaultHostConfig, mergeConfig } from './create-defaults.ts'
import { checkName, makeName } from './names.ts'
import type { CreateRequest } from './port.ts'
import type { Registry } from './registry.ts'

export interface CreatePorts {
  readonly registry: Registry
  readonly containers: ContainerRows
  readonly images: Images
  readonly clock: Clock
  readonly random: Random
  readonly faults: Faults
  readonly durable: () => Promise<void>
  /** What containers get that don't ask themselves. */
  readonly defaults: { readonly runtime: string; readonly log: HostConfig['LogConfig'] }
  /** Throws what can't be done or is not allowed, in Docker's words. Answers with warnings. */
  readonly validate: (request: CreateRequest) => readonly string[]
  readonly makeLayers: (id: string, image: ImageReference) => Promise<void>
  readonly removeLayers: (id: string) => Promise<void>
}

/** @throws TallyError not-found for the image, conflict for a taken name, bad-request or not-supported for options. */
export async function createContainer(
  ports: CreatePorts,
  request: CreateRequest,
  origin: Origin,
): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
  const name = freeName(ports, request.name)
  const warnings = ports.validate(request)
  const id = ports.random.hex(32)
  const spec = specOf(ports, request, id)
  try {
    await betweenPoints(ports.faults, 'create.makeLayers', () => ports.makeLayers(id, spec.image))
    // Meanwhile somebody may have removed the image; from here to the event nobody can.
    ports.images.get(spec.image.id)
    ports.registry.create({ type: 'ContainerCreated', id, name, spec }, origin)
  } catch (error) {
    if (ports.registry.get(id) === undefined) await ports.removeLayers(id)
    throw error
  }
  await ports.durable()
  return { id, warnings }
}

function freeName({ containers, random }: CreatePorts, wanted: string | undefined): string {
  if (wanted === undefined || wanted === '')
    return makeName(random, (name) => containers.byName(name) !== undefined)
  const name = checkName(wanted)
  const holder = containers.byName(name)
  if (holder !== undefined) throw new NameTakenError(name, holder.id)
  return name
}

function specOf({ images, clock, defaults }: CreatePorts, request: CreateRequest, id: string): ContainerSpec {
  const image: Image = images.get(request.config.Image)
  const LogConfig = logConfig(request.hostConfig.LogConfig, defaults.log)
  const hostConfig = defaultHostConfig({ ...request.hostConfig, LogConfig }, defaults)
  const config = mergeConfig(request.config, image.config, id, hostConfig)
  if ((config.Entrypoint ?? []).length + (config.Cmd ?? []).length === 0)
    throw badRequest('No command specified')
  return { image: { id: image.id, layers: image.layers }, config, hostConfig, createdAt: clock.now() }
}

/** As in Docker, the daemon's options fill gaps only where the container uses the daemon's driver. */
function logConfig(
  own: HostConfig['LogConfig'] | undefined,
  defaults: HostConfig['LogConfig'],
): HostConfig['LogConfig'] {
  const Type = own?.Type || defaults.Type
  return { Type, Config: { ...(Type === defaults.Type ? defaults.Config : {}), ...own?.Config } }
}
