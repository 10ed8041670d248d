/** Devices of the host: all of them, for a privileged container, those asked for by path, and numbers of single ones. */
import type { Stats } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeviceMapping } from '../../machines/spec.ts'
import { TallyError } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import type { MappedDevice, StartFacts } from '../oci/facts.ts'
import type { Device } from '../oci/runtime-spec.ts'

/** A container has its own of these. */
const skippedDirectories = ['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev']
const skippedDevices = ['console']

/** All device nodes below /dev. */
export async function hostDevices(directory = '/dev'): Promise<readonly Device[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const found = await Promise.all(
    entries.map((entry) => {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) return skippedDirectories.includes(entry.name) ? [] : hostDevices(path)
      const isDevice = entry.isCharacterDevice() || entry.isBlockDevice()
      return isDevice && !skippedDevices.includes(entry.name) ? device(path) : []
    }),
  )
  return found.flat()
}

/** By path; a path that does not exist is left out. */
export async function deviceNumbers(paths: readonly string[]): Promise<StartFacts['deviceNumbers']> {
  const pairs = await Promise.all(paths.map(async (path) => [path, await ifThere(stat(path))] as const))
  const found = pairs.flatMap(([path, stats]) => (stats ? [[path, numbers(stats)] as const] : []))
  return Object.fromEntries(found)
}

/**
 * What `--device` asks for; of a directory all devices in it and below.
 * @throws TallyError internal, exit code 128: `error gathering device information while adding custom device "/dev/x": …`
 */
export async function mappedDevices(mappings: readonly DeviceMapping[]): Promise<readonly MappedDevice[]> {
  return (await Promise.all(mappings.map(mapDevice))).flat()
}

async function mapDevice(mapping: DeviceMapping): Promise<readonly MappedDevice[]> {
  const { PathOnHost, PathInContainer, CgroupPermissions } = mapping
  const access = CgroupPermissions || 'rwm'
  const source = await ifThere(realpath(PathOnHost))
  if (source === undefined) throw noDevice(PathOnHost, 'no such file or directory')
  const found = await devicesAt(source)
  if (found.length === 0) throw noDevice(PathOnHost, 'not a device node')
  return found.map((one) => ({
    device: { ...one, path: `${PathInContainer}${one.path.slice(source.length)}` },
    access,
  }))
}

async function devicesAt(path: string): Promise<readonly Device[]> {
  const stats = await ifThere(lstat(path))
  if (stats?.isDirectory()) {
    const names = await readdir(path)
    return (await Promise.all(names.sort().map((name) => devicesAt(join(path, name))))).flat()
  }
  return stats?.isBlockDevice() || stats?.isCharacterDevice() ? [asDevice(path, stats)] : []
}

function noDevice(path: string, reason: string): TallyError {
  const message = `error gathering device information while adding custom device "${path}": ${reason}`
  return new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128 })
}

/** A device that has gone meanwhile is none. */
async function device(path: string): Promise<readonly Device[]> {
  const stats = await ifThere(lstat(path))
  return stats === undefined ? [] : [asDevice(path, stats)]
}

function asDevice(path: string, stats: Stats): Device {
  const type = stats.isBlockDevice() ? 'b' : 'c'
  return { type, path, ...numbers(stats), fileMode: stats.mode & 0o777, uid: stats.uid, gid: stats.gid }
}

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** makedev(3) taken apart, for majors of 12 bits as the kernel gives them. */
function numbers({ rdev }: Stats): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) }
}
