/** The hash that chains the events of a stream, so that damage and tampering are found. */
import { hash } from 'node:crypto'

/** An event as it lies in the table: `data` and `meta` are the exact text. */
export interface StoredEvent {
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly schema: number
  readonly data: string
  readonly meta: string
}

/** Stands for the previous hash of a stream's first event. */
export const genesis = '0'.repeat(64)

/**
 * sha-256, hex, over the canonical bytes: seven lines in UTF-8, joined by a line feed. JSON.stringify escapes line feeds and lone
 * surrogates, and the table takes only printable ASCII as stream and type, so two different events never have the same bytes.
 */
export function chainHash(previous: string, event: StoredEvent): string {
  const { stream, version, type, schema, data, meta } = event
  return hash('sha256', `${previous}\n${stream}\n${version}\n${type}\n${schema}\n${data}\n${meta}`, 'hex')
}
