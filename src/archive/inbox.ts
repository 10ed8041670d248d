/** Messages that wait until they are asked for, in order. */

export interface Inbox<T> {
  put(message: T): void
  next(): Promise<T>
}

export function inbox<T>(): Inbox<T> {
  const waiting: T[] = []
  const asking: ((message: T) => void)[] = []
  return {
    put(message) {
      const ask = asking.shift()
      if (ask === undefined) waiting.push(message)
      else ask(message)
    },
    async next() {
      const message = waiting.shift()
      return message ?? (await new Promise<T>((resolve) => asking.push(resolve)))
    },
  }
}
