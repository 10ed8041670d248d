/** What `docker events` shows for an event of a container's life. Pure. */
import type { ContainerContext } from '../../machines/container-context.ts'
import type { ContainerEvent } from '../../machines/container-events.ts'
import { parseSignal } from '../../machines/signals.ts'

export interface Message {
  readonly action: string
  readonly attributes: Readonly<Record<string, string>>
}

/** @param after the context once the event was applied; it still has the run that the event belongs to. */
export function messagesOf(event: ContainerEvent, after: ContainerContext): readonly Message[] {
  const say = (action: string, extra: Record<string, string> = {}): Message => ({
    action,
    attributes: { ...commonAttributes(after), ...extra },
  })
  switch (event.type) {
    case 'ContainerCreated':
      return [say('create')]
    case 'ContainerRenamed':
      return [say('rename', { oldName: `/${event.oldName}` })]
    case 'Attached':
      return [say('attach')]
    case 'Detached':
      return [say('detach')]
    case 'TerminalResized':
      return [say('resize', { height: String(event.height), width: String(event.width) })]
    case 'PathArchived':
      return [say('archive-path')]
    case 'ArchiveExtracted':
      return [say('extract-to-dir')]
    case 'Exported':
      return [say('export')]
    case 'Committed': {
      const { comment, imageId: imageID, imageRef } = event
      return [say('commit', { comment, imageID, imageRef })]
    }
    case 'ProcessStarted':
      return after.run?.cause === 'restart' ? [say('start'), say('restart')] : [say('start')]
    case 'SignalSent':
      return [say('kill', { signal: String(parseSignal(event.signal) ?? event.signal) })]
    case 'Paused':
      return [say('pause')]
    case 'Resumed':
      return [say('unpause')]
    case 'OomKilled':
      return [say('oom')]
    case 'ProcessExited':
      return exitMessages(say, String(event.exitCode), after)
    case 'HostRebooted':
      return after.run?.outcome?.kind === 'exited' ? exitMessages(say, '255', after) : []
    case 'UpdateRequested':
      return [say('update')]
    case 'Removed':
      return [say('destroy')]
    case 'StartRequested':
    case 'RootfsMounted':
    case 'BundlePrepared':
    case 'ShimStarted':
    case 'PidRecorded':
    case 'StepFailed':
    case 'StopRequested':
    case 'StopDeadlinePassed':
    case 'PauseRequested':
    case 'PauseFailed':
    case 'ResumeRequested':
    case 'ResumeFailed':
    case 'RestartDue':
    case 'LimitsApplied':
    case 'LimitsRefused':
    case 'KillDeadlinePassed':
    case 'KillRequested':
    case 'RestartRequested':
    case 'SignalFailed':
    case 'Released':
    case 'RemoveRequested':
      return []
  }
}

function exitMessages(
  say: (action: string, extra?: Record<string, string>) => Message,
  exitCode: string,
  { run }: ContainerContext,
): readonly Message[] {
  const died = say('die', { exitCode })
  return run?.stopRequested === true ? [died, say('stop')] : [died]
}

function commonAttributes({ spec, name }: ContainerContext): Record<string, string> {
  return { ...spec?.config.Labels, image: spec?.config.Image ?? '', name }
}
