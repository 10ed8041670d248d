/** What must always hold did not. */
export class Violation extends Error {
  /** Of the design's invariants; 0: another promise. */
  readonly invariant: number

  constructor(invariant: number, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'Violation'
    this.invariant = invariant
  }

  static unless(invariant: number, holds: boolean, tell: () => string): void {
    if (!holds) throw new Violation(invariant, tell())
  }
}
