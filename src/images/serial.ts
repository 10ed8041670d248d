/** Runs pieces of asynchronous work one after the other, in the order in which they were asked for. */

export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>

export function serial(): Exclusive {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }
}
