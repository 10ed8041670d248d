/** What is said between the daemon and the thread that works on a container's files. */
import type { ErrorCode } from '../errors.ts'
import type { PathStat } from './path-stat.ts'
import type { TreeChange } from './tree-changes.ts'
import type { View } from './view.ts'

/** One thread does one of these. */
export type FileTask =
  | { readonly kind: 'stat'; readonly view: View; readonly path: string }
  /** Answers with the stat, then sends the archive. */
  | { readonly kind: 'pack'; readonly view: View; readonly path: string }
  | Unpack
  /** Absolute paths; `lowers` the topmost first. */
  | { readonly kind: 'changes'; readonly upper: string; readonly lowers: readonly string[] }
  /** The whole tree, without what is mounted in it. */
  | { readonly kind: 'export'; readonly rootfs: string }
  /** A layer as images have it. */
  | { readonly kind: 'layer'; readonly upper: string }

export interface Unpack {
  readonly kind: 'unpack'
  readonly view: View
  readonly path: string
  readonly readOnlyRoot: boolean
  readonly keepKinds: boolean
  /** Whose files they become: `User` of the container; absent: the archive's. */
  readonly user?: string
}

export type FileAnswer =
  | { readonly kind: 'stat'; readonly stat: PathStat }
  | { readonly kind: 'changes'; readonly changes: readonly TreeChange[] }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  /** One of our chunks was taken. */
  | { readonly kind: 'consumed' }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

/** To the thread. */
export type FileOrder =
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  /** One of its chunks was taken. */
  | { readonly kind: 'consumed' }
  | { readonly kind: 'abort' }

/** Chunks on their way. */
export const WINDOW = 8
