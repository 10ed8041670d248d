/** Which devices a container may use; null, zero, full, random, urandom, tty and ptmx are made by the runtime without being asked. */
import type { Device, DeviceRule } from './runtime-spec.ts'

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

export function deviceRules(privileged: boolean): readonly DeviceRule[] {
  return privileged ? [{ allow: true, access: everything }] : defaultRules
}

export function devices(privileged: boolean, hostDevices: readonly Device[]): readonly Device[] {
  return privileged ? hostDevices : []
}

function characterRule(major: number, minor: number): DeviceRule {
  return { allow: true, type: 'c', major, minor, access: everything }
}
