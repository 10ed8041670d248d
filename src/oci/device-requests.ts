/** `--gpus`: devices that a driver would have to bring. There is none, and Docker says so at the start. */
import type { HostConfig } from '../../machines/spec.ts'
import { TallyError } from '../errors.ts'

/** @throws TallyError internal, exit code 128: `could not select device driver "" with capabilities: [[gpu]]` */
export function refuseDeviceRequests({ DeviceRequests }: Pick<HostConfig, 'DeviceRequests'>): void {
  const [request] = DeviceRequests ?? []
  if (request === undefined) return
  const { Driver = '', Capabilities } = request
  const sets = (Capabilities ?? []).map((names) => `[${names.join(' ')}]`)
  const message = `could not select device driver "${Driver}" with capabilities: [${sets.join(' ')}]`
  throw new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128 })
}
