/** Gives a container another name, refused in Docker's words and in its order. */
import { badRequest, TallyError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import { NameTakenError } from '../store/errors.ts'
import type { ContainerRows } from '../store/port.ts'
import { type CommandPorts, rename } from './commands.ts'
import type { Lifecycle } from './lifecycle.ts'
import { checkName } from './names.ts'

export interface RenamePorts extends CommandPorts {
  readonly containers: Pick<ContainerRows, 'byName'>
  /** @throws TallyError not-found */
  readonly find: (ref: string) => Lifecycle
}

export async function renameContainer(
  ports: RenamePorts,
  ref: string,
  wanted: string,
  origin: Origin,
): Promise<void> {
  if (wanted === '') throw badRequest('Neither old nor new names may be empty')
  const lifecycle = ports.find(ref)
  const name = wanted.replace(/^\//, '')
  if (name !== lifecycle.life.context.name) reserve(ports, name)
  await rename(ports, lifecycle, name, origin).catch((error: unknown) => {
    throw error instanceof NameTakenError ? notAllocated(error) : error
  })
}

function reserve({ containers }: RenamePorts, name: string): void {
  try {
    checkName(`/${name}`)
    const holder = containers.byName(name)
    if (holder !== undefined) throw new NameTakenError(name, holder.id)
  } catch (error) {
    throw error instanceof TallyError ? notAllocated(error) : error
  }
}

const notAllocated = (cause: TallyError): TallyError =>
  new TallyError(cause.code, `Error when allocating new name: ${cause.message}`, { cause })
