/** The body of `POST /containers/{id}/update`: those fields of the host config that may change. */
import Type, { type Static } from 'typebox'
import { HostConfigBody } from './container-create.ts'

export const UpdateBody = Type.Pick(HostConfigBody, [
  'BlkioWeight',
  'CpuShares',
  'NanoCpus',
  'CpuPeriod',
  'CpuQuota',
  'CpusetCpus',
  'CpusetMems',
  'Memory',
  'MemorySwap',
  'MemoryReservation',
  'KernelMemory',
  'PidsLimit',
  'RestartPolicy',
])

export type UpdateBody = Static<typeof UpdateBody>
