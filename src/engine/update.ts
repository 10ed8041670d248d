/** `docker update`: which limits and restart policy a container has after it. Pure; rules and texts are Docker's. */
import type { HostConfig } from '../../machines/spec.ts'
import { conflict } from '../errors.ts'
import { memoryAndSwap } from '../oci/resources.ts'

/** What may be changed; zero, the empty text and null leave a value as it is. */
export type Update = Partial<
  Pick<
    HostConfig,
    | 'BlkioWeight'
    | 'CpuShares'
    | 'NanoCpus'
    | 'CpuPeriod'
    | 'CpuQuota'
    | 'CpusetCpus'
    | 'CpusetMems'
    | 'Memory'
    | 'MemorySwap'
    | 'MemoryReservation'
    | 'KernelMemory'
    | 'PidsLimit'
    | 'RestartPolicy'
  >
>

/** @returns the fields that change. @throws TallyError conflict for what does not go with the present ones. */
export function changedHostConfig(present: HostConfig, update: Update): Partial<HostConfig> {
  refuseCpuConflicts(present, update)
  refuseMemoryConflict(present, update)
  const { RestartPolicy, ...limits } = update
  const changed = Object.fromEntries(Object.entries(limits).filter(([, value]) => isGiven(value)))
  return { ...changed, ...changedPolicy(present, RestartPolicy) }
}

const isGiven = (value: unknown): boolean =>
  value !== 0 && value !== '' && value !== null && value !== undefined

function changedPolicy(
  { AutoRemove }: HostConfig,
  policy: HostConfig['RestartPolicy'] | undefined,
): Partial<HostConfig> {
  if (policy === undefined || policy.Name === '') return {}
  if (AutoRemove && policy.Name !== 'no')
    throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container')
  return { RestartPolicy: policy }
}

function refuseCpuConflicts(
  present: HostConfig,
  { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0 }: Update,
): void {
  const conflicts: readonly (readonly [boolean, string])[] = [
    [NanoCpus > 0 && present.CpuPeriod > 0, 'Nano CPUs cannot be updated as CPU Period has already been set'],
    [NanoCpus > 0 && present.CpuQuota > 0, 'Nano CPUs cannot be updated as CPU Quota has already been set'],
    [CpuPeriod > 0 && present.NanoCpus > 0, 'CPU Period cannot be updated as NanoCPUs has already been set'],
    [CpuQuota > 0 && present.NanoCpus > 0, 'CPU Quota cannot be updated as NanoCPUs has already been set'],
  ]
  const found = conflicts.find(([is]) => is)
  if (found !== undefined) throw conflict(`Conflicting options: ${found[1]}`)
}

function refuseMemoryConflict(present: HostConfig, { Memory = 0, MemorySwap = 0 }: Update): void {
  const swap = memoryAndSwap(present)
  if (Memory > 0 && swap > 0 && Memory > swap && MemorySwap === 0)
    throw conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    )
}
