/** What the simulated daemon keeps its log on: memory, or SQLite on files. */
import type { Clock } from '../../src/clock.ts'
import { MemoryDisk } from './memory-disk.ts'
import type { SimulatedStore } from './memory-store.ts'
import { openMemoryStore } from './memory-store.ts'

export interface MediumOptions {
  readonly clock: Clock
  /** How long a flush takes. */
  readonly flushing: () => Promise<void>
}

/** One daemon has it open at a time. */
export interface Medium {
  open(bootId: string): SimulatedStore
  /** What is committed stays; a flush that was under way may end. */
  close(): Promise<void>
  /**
   * To be called when it is closed: falls back to what was flushed, and a part of what came after it.
   * @param keep what part, from 0 to 1.
   */
  cutPower(keep: number): void
  /** Position of the newest event that survives a power cut. */
  readonly syncedHead: number
  dispose(): void
}

export function memoryMedium({ clock, flushing }: MediumOptions): Medium {
  const disk = new MemoryDisk()
  return {
    open: (bootId) => openMemoryStore({ disk, clock, bootId, flushing }),
    close: async () => undefined,
    cutPower: (keep) => disk.cutPower(Math.round(disk.unflushed * keep)),
    get syncedHead() {
      return disk.syncedHead
    },
    dispose: () => undefined,
  }
}
