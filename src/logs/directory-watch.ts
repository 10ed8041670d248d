/** Waits for changes in a directory by inotify(7), without polling and without losing one between two waits. */
import { watch } from 'node:fs'

export interface DirectoryWatch extends Disposable {
  /** Answers when something changed since the last call, when `wake` was called, or at once after an error of the watch. */
  changed(): Promise<void>
  wake(): void
}

/** @throws if the directory does not exist. */
export function watchDirectory(path: string): DirectoryWatch {
  let dirty = false
  let resume: (() => void) | undefined
  const wake = () => {
    dirty = true
    resume?.()
  }
  const watcher = watch(path, wake)
  watcher.on('error', wake)
  return {
    wake,
    async changed() {
      if (!dirty) await new Promise<void>((resolve) => (resume = resolve))
      dirty = false
      resume = undefined
    },
    [Symbol.dispose]: () => watcher.close(),
  }
}
