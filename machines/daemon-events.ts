/** The facts of the daemon's own, which belong to no container and no image; stream `daemon`. Recorded for ever: never rename one. */

/** What can be removed all at once if nobody uses it. */
export type Prunable = 'container' | 'image' | 'network' | 'volume' | 'builder'

/** All unused ones of a kind were removed; `reclaimed` bytes are free again. */
export interface DaemonEvent {
  readonly type: 'Pruned'
  readonly kind: Prunable
  readonly reclaimed: number
}
