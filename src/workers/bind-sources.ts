/** The host's directories that a container binds. */
import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ContainerSpec } from '../../machines/spec.ts'
import { TallyError } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import { plainMounts } from '../oci/resolved-mounts.ts'

/**
 * Makes the missing source directories of Binds, as Docker does for `-v`; it never takes one away. That of a Mount must be there.
 * @throws TallyError with exit code 128
 */
export async function prepareBindSources(
  spec: Pick<ContainerSpec, 'hostConfig' | 'mounts'>,
  dataRoot: string,
): Promise<void> {
  for (const mount of plainMounts(spec, dataRoot)) {
    if (mount.type !== 'bind' || (await exists(mount.source))) continue
    if (!mount.createSource) throw failed(`bind source path does not exist: ${mount.source}`)
    await makeSource(mount.source)
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false
    // Below a file nothing can be made: as in Docker the runtime says so.
    if (failedWith(error, 'ENOTDIR')) return true
    throw failed(`bind source path ${path} can't be used`, error)
  }
}

async function makeSource(path: string): Promise<void> {
  try {
    await makeDirectory(path)
  } catch (cause) {
    throw failed(`error while creating mount source path '${path}': ${String(cause)}`, cause)
  }
}

/** 0755 whatever the umask. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path)
    await chmod(path, 0o755)
  } catch (error) {
    if (failedWith(error, 'EEXIST')) return
    if (!failedWith(error, 'ENOENT')) throw error
    await makeDirectory(dirname(path))
    await makeDirectory(path)
  }
}

function failed(message: string, cause?: unknown): TallyError {
  const detail = cause === undefined ? {} : { detail: String(cause), cause }
  return new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128, ...detail })
}
