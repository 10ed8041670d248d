/** RFC 3339 times as google.protobuf.Timestamp and back. */
import type { Timestamp } from '../../../build/proto/google/protobuf/Timestamp.ts'
import { nanoseconds } from '../../clock.ts'

const second = 1_000_000_000n

export function timestamp(time: string): Timestamp {
  const whole = nanoseconds(time)
  return { seconds: Number(whole / second), nanos: Number(whole % second) }
}
