/** Work that is done one piece after another for each key, in the order asked for; different keys do not wait for each other. */
export type Serial = <T>(key: string, work: () => Promise<T>) => Promise<T>

export function serial(): Serial {
  const tails = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const result = (tails.get(key) ?? Promise.resolve()).then(work)
    const tail = result.then(forget, forget)
    function forget(): void {
      if (tails.get(key) === tail) tails.delete(key)
    }
    tails.set(key, tail)
    return result
  }
}

/** The same where all work is of one kind: one piece after another. */
export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>

export function exclusive(): Exclusive {
  const inOrder = serial()
  return (work) => inOrder('', work)
}
