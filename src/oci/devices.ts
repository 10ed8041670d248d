/** Which devices a container may use; null, zero, full, random, urandom, tty and ptmx are made by the runtime without being asked. */
import type { HostConfig } from '../../machines/spec.ts'
import { TallyError } from '../errors.ts'
import type { MappedDevice, StartFacts } from './facts.ts'
import type { Device, DeviceRule } from './runtime-spec.ts'

type DeviceOptions = Pick<HostConfig, 'Privileged' | 'DeviceCgroupRules'>

const everything = 'rwm'

/** null, zero, urandom, random, tty, console; fuse stays out of reach. Numbers: admin-guide/devices.txt of the kernel. */
const defaultRules: readonly DeviceRule[] = [
  { allow: false, access: everything },
  characterRule(1, 5),
  characterRule(1, 3),
  characterRule(1, 9),
  characterRule(1, 8),
  characterRule(5, 0),
  characterRule(5, 1),
  { ...characterRule(10, 229), allow: false },
]

/** @throws TallyError internal, exit code 128: `invalid device cgroup rule format: 'x'` */
export function deviceRules(
  { Privileged, DeviceCgroupRules }: DeviceOptions,
  mapped: readonly MappedDevice[],
): readonly DeviceRule[] {
  if (Privileged) return [{ allow: true, access: everything }]
  return [...defaultRules, ...mapped.map(mappedRule), ...(DeviceCgroupRules ?? []).map(parseRule)]
}

/** A privileged container has the host's devices as they are; one mapped to its own name would be there twice. */
export function devices(
  { Privileged }: Pick<HostConfig, 'Privileged'>,
  { hostDevices, mappedDevices }: Pick<StartFacts, 'hostDevices' | 'mappedDevices'>,
): readonly Device[] {
  const mapped = mappedDevices.map(({ device }) => device)
  if (!Privileged) return mapped
  const taken = new Set(hostDevices.map(({ path }) => path))
  return [...hostDevices, ...mapped.filter(({ path }) => !taken.has(path))]
}

function characterRule(major: number, minor: number): DeviceRule {
  return { allow: true, type: 'c', major, minor, access: everything }
}

function mappedRule({ device: { type, major, minor }, access }: MappedDevice): DeviceRule {
  return { allow: true, type, major, minor, access }
}

/** The format of the control group's own `devices.allow`, cgroup-v1/devices.rst of the kernel. */
function parseRule(text: string): DeviceRule {
  const [, type, major = '', minor = '', access = ''] =
    /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text) ?? []
  if (type !== 'a' && type !== 'b' && type !== 'c')
    throw new TallyError('internal', `invalid device cgroup rule format: '${text}'`, {
      step: 'prepareBundle',
      exitCode: 128,
    })
  return { allow: true, type, ...number('major', major), ...number('minor', minor), access }
}

const number = (name: 'major' | 'minor', text: string): Partial<DeviceRule> =>
  text === '*' ? {} : { [name]: Number(text) }
