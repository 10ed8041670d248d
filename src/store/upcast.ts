/** Shapes of events that changed since they were recorded: pure functions that bring an old one to the current shape when it is read. */
import { TallyError } from '../errors.ts'

/** The log was written by a Tallyman that knows more than this one: nothing that this one made of it would be true. */
export class NewerEventError extends TallyError {
  constructor(what: string) {
    super('unavailable', `${what}, which only a newer Tallyman knows`)
    this.name = 'NewerEventError'
  }
}

/** An event's data as it was recorded, without its type. */
export type Payload = Readonly<Record<string, unknown>>

/** From one schema version to the next. */
export type Upcast = (old: Payload) => Payload

/** The upcasts of each type, oldest first: the first leads from schema 1 to 2. The current schema of a type is one more than it has upcasts. */
export type Upcasts = Readonly<Record<string, readonly Upcast[]>>

/** Every change of a recorded shape so far. A type that is not listed has schema 1. */
export const upcasts: Upcasts = {}

export const currentSchema = (table: Upcasts, type: string): number => stepsOf(table, type).length + 1

/** @throws NewerEventError for a schema that only a newer Tallyman knows. */
export function upcast(table: Upcasts, type: string, schema: number, recorded: Payload): Payload {
  const steps = stepsOf(table, type)
  if (schema > steps.length + 1) throw new NewerEventError(`event ${type} has schema ${schema}`)
  return steps.slice(schema - 1).reduce((data, step) => step(data), recorded)
}

function stepsOf(table: Upcasts, type: string): readonly Upcast[] {
  return Object.hasOwn(table, type) ? (table[type] ?? []) : []
}
