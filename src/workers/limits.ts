/** Gives a running container the limits that its host config has now, through the runtime. */
import type { HostFacts } from '../oci/facts.ts'
import { resources } from '../oci/resources.ts'
import type { Supervisor } from '../supervisor/port.ts'
import { throttledDeviceNumbers } from './start-facts.ts'
import type { Job } from './worker.ts'

export interface LimitsOptions {
  readonly supervisor: Supervisor
  readonly host: HostFacts
}

/** Doing it again is fine. Devices are left out: those are not a limit, and a running container keeps what it has. */
export function limitsWorker({ supervisor, host: { limits } }: LimitsOptions): (job: Job) => Promise<void> {
  return async ({ id, spec: { hostConfig } }) => {
    const deviceNumbers = await throttledDeviceNumbers(hostConfig)
    const { devices: _, ...rest } = resources(hostConfig, { limits, deviceNumbers })
    await supervisor.update(id, { ...rest })
  }
}
