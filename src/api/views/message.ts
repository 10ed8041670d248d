/** An event message as one line of `GET /events`, with the fields that old clients read besides the new ones. */
import type { MessageRow } from '../../store/port.ts'

/** Written by hand at its end: `timeNano` is beyond what a JSON number of JavaScript can hold. */
export function messageLine({ type, action, actorId, attributes, timeNano }: MessageRow): string {
  const message = {
    ...oldFields({ type, action, actorId, attributes }),
    Type: type,
    Action: action,
    Actor: { ID: actorId, Attributes: attributes },
    scope: 'local',
    time: Number(timeNano / 1_000_000_000n),
  }
  return `${JSON.stringify(message).slice(0, -1)},"timeNano":${timeNano}}\n`
}

function oldFields({
  type,
  action,
  actorId,
  attributes,
}: Pick<MessageRow, 'type' | 'action' | 'actorId' | 'attributes'>): object {
  if (type !== 'image' && type !== 'container') return {}
  const from = type === 'container' ? attributes.image : undefined
  return { status: action, ...(actorId && { id: actorId }), ...(from && { from }) }
}
