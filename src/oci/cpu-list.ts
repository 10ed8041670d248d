/** Lists of CPUs and memory nodes as cpuset(7) writes them: `0-3,8`. */

/** The kernel's usual maximum of CPUs, which Docker accepts on any machine. */
const usualMaximum = 8192

/** Whether every number of `wanted` is in `available`. @throws RangeError with what is wrong, in Docker's words. */
export function isAvailable(wanted: string, available: string): boolean {
  const present = new Set(numbers(available, Number.POSITIVE_INFINITY))
  return numbers(wanted, Math.max(usualMaximum, ...present)).every((number) => present.has(number))
}

function numbers(text: string, maximum: number): readonly number[] {
  if (text === '') return []
  return text.split(',').flatMap((part) => range(part, { text, maximum }))
}

function range(part: string, whole: { readonly text: string; readonly maximum: number }): readonly number[] {
  const match = /^(\d+)(?:-(\d+))?$/.exec(part)
  const first = Number(match?.[1])
  const last = Number(match?.[2] ?? match?.[1])
  if (match === null || last < first) throw new RangeError(`invalid format: ${whole.text}`)
  if (last > whole.maximum) throw new RangeError(`value of out range, maximum is ${whole.maximum}`)
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
