/** The event topics: what containerd publishes about tasks, and two finer ones. */
import type { Envelope } from '../../../build/proto/containerd/services/events/v1/Envelope.ts'
import type { Any } from '../../../build/proto/google/protobuf/Any.ts'
import type { TaskEvent } from '../task-event.ts'
import { ourNamespace } from './handler.ts'
import { pack, proto } from './proto.ts'
import { timestamp } from './timestamp.ts'

interface Topic {
  readonly topic: string
  readonly event: Any
}

export function envelopes(event: TaskEvent): readonly Envelope[] {
  const common = { timestamp: timestamp(event.at), namespace: ourNamespace }
  return topics(event).map((topic) => ({ ...common, ...topic }))
}

function topics(event: TaskEvent): readonly Topic[] {
  const { containerd, tallyman } = proto
  const { events } = containerd
  const containerId = event.id
  switch (event.type) {
    case 'shim-started': {
      const message = { containerId, runId: event.runId, shimPid: event.shimPid }
      const type = tallyman.supervisor.v1.ShimStarted
      return [topic('shim-started', pack('tallyman.supervisor.v1.ShimStarted', type, message))]
    }
    case 'pid-recorded':
      return [pidRecorded(event), created(event)]
    case 'started': {
      const message = { containerId, pid: event.pid }
      return [topic('start', pack('containerd.events.TaskStart', events.TaskStart, message))]
    }
    case 'exited': {
      const message = { containerId, id: containerId, pid: event.pid, ...exitFields(event) }
      return [topic('exit', pack('containerd.events.TaskExit', events.TaskExit, message))]
    }
    case 'deleted': {
      const message = { containerId, id: containerId, pid: event.pid, ...exitFields(event) }
      return [topic('delete', pack('containerd.events.TaskDelete', events.TaskDelete, message))]
    }
    case 'oom':
      return [topic('oom', pack('containerd.events.TaskOOM', events.TaskOOM, { containerId }))]
    case 'paused':
      return [topic('paused', pack('containerd.events.TaskPaused', events.TaskPaused, { containerId }))]
    case 'resumed':
      return [topic('resumed', pack('containerd.events.TaskResumed', events.TaskResumed, { containerId }))]
  }
}

function topic(name: string, event: Any): Topic {
  return { topic: `/tasks/${name}`, event }
}

type PidRecorded = Extract<TaskEvent, { type: 'pid-recorded' }>

function pidRecorded({ id, runId, pid }: PidRecorded): Topic {
  const type = proto.tallyman.supervisor.v1.PidRecorded
  return topic(
    'pid-recorded',
    pack('tallyman.supervisor.v1.PidRecorded', type, { containerId: id, runId, pid }),
  )
}

/** containerd's word for the same moment. */
function created({ id, pid, task }: PidRecorded): Topic {
  const type = proto.containerd.events.TaskCreate
  const io = { ...task.stdio, terminal: task.terminal }
  return topic(
    'create',
    pack('containerd.events.TaskCreate', type, { containerId: id, bundle: task.bundle, io, pid }),
  )
}

function exitFields({ exit }: Extract<TaskEvent, { type: 'exited' | 'deleted' }>) {
  return { exitStatus: exit.exitCode, exitedAt: timestamp(exit.exitedAt) }
}
