/** What a client may ask of a new volume, checked as Docker's local driver does it. Pure. */
import { badRequest, notSupported, TallyError } from '../errors.ts'
import { checkVolumeName } from '../oci/volume-name.ts'
import type { VolumeRow } from '../store/port.ts'
import type { VolumeRequest } from './port.ts'

type Options = VolumeRow['options']

const known = ['device', 'o', 'type', 'size']

/** @throws TallyError not-found, bad-request, not-supported */
export function checkRequest({ name, driver, options }: VolumeRequest): void {
  const refuse = (message: string) => badRequest(`create ${name}: ${message}`)
  checkDriver(name, driver)
  checkVolumeName(name)
  const given = Object.keys(options ?? {})
  const stranger = given.find((option) => !known.includes(option))
  if (stranger !== undefined) throw refuse(`invalid option: ${JSON.stringify(stranger)}`)
  if (given.length === 0) return
  const missing = ['device', 'type'].find((option) => !options?.[option])
  if (missing !== undefined) throw refuse(`missing required option: "${missing}"`)
  refuseMounts(name, options)
}

export function checkDriver(name: string, driver: string): void {
  if (driver === '' || driver === 'local') return
  const message = `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`
  throw new TallyError('not-found', message)
}

/** A directory of the host in the place of the volume's own is all that the options can ask for. */
function refuseMounts(name: string, options: Options): void {
  const words = wordsOf(options)
  const isBind = words.includes('bind') || words.includes('rbind')
  if (!isBind || options?.size !== undefined)
    throw notSupported(
      `create ${name}: volumes of type ${options?.type} are not supported yet, only directories (type=none, o=bind)`,
    )
  const stranger = words.find((word) => !['bind', 'rbind', 'ro', 'rw'].includes(word))
  if (stranger !== undefined)
    throw notSupported(`create ${name}: mount option ${stranger} is not supported yet`)
  if (options?.device?.startsWith('/') !== true)
    throw badRequest(`create ${name}: device ${options?.device} is no absolute path`)
}

const wordsOf = (options: Options): readonly string[] =>
  (options?.o ?? '').split(',').filter((word) => word !== '')

/** The host's directory that a volume stands for, if it has none of its own. */
export function boundDirectory(options: Options): { readonly device?: string; readonly readOnly: boolean } {
  const device = options?.device
  return { ...(device && { device }), readOnly: wordsOf(options).includes('ro') }
}
