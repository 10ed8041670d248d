/** Makes a list of steps that fails shorter, for as long as what is left fails in the same way: delta debugging, Zeller 2002. */

/** @param fails whether a list still does. At most `tries` lists are tried. */
export async function shrink<T>(
  list: readonly T[],
  fails: (list: readonly T[]) => Promise<boolean>,
  tries = 2000,
): Promise<readonly T[]> {
  let shortest = list
  let left = tries
  for (let size = Math.ceil(shortest.length / 2); size >= 1; ) {
    const before = shortest.length
    for (let start = 0; start < shortest.length && left > 0; left -= 1) {
      const without = shortest.toSpliced(start, size)
      if (await fails(without)) shortest = without
      else start += size
    }
    if (left === 0) return shortest
    if (size > 1) size = Math.min(Math.ceil(size / 2), Math.ceil(shortest.length / 2))
    else if (shortest.length === before) return shortest
  }
  return shortest
}
