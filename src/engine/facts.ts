/** What is noted of a container without changing its state, and the container as those see it who do something to it beside its life. */
import type { ContainerSpec } from '../../machines/spec.ts'
import { noSuchContainer } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Lifecycle } from './lifecycle.ts'

export interface Target {
  readonly id: string
  readonly spec: ContainerSpec
}

/** @throws TallyError not-found for one whose creation is not recorded. */
export function targetOf({ life }: Pick<Lifecycle, 'life'>): Target {
  const { id, spec } = life.context
  if (spec === null) throw noSuchContainer(id)
  return { id, spec }
}

/** Answers when the fact is durable. */
export async function noteFact(
  { durable }: { readonly durable: () => Promise<void> },
  lifecycle: Lifecycle,
  fact: Parameters<Lifecycle['observe']>[0],
  origin: Origin,
): Promise<void> {
  lifecycle.observe(fact, origin)
  await durable()
}
