/** The event topics: what containerd publishes about tasks, and two finer ones. */
import type { Envelope } from '../../../build/proto/containerd/services/events/v1/Envelope.ts'
import type { Any } from '../../../build/proto/google/protobuf/Any.ts'
import type { ExitStatus } from '../port.ts'
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
  const { events } = proto.containerd
  const containerId = event.id
  switch (event.type) {
    case 'shim-started':
      return [finer('shim-started', event, { 'shim-pid': String(event.shimPid) })]
    case 'pid-recorded':
      return [finer('pid-recorded', event, { pid: String(event.pid) }), created(event)]
    case 'started': {
      const message = { containerId, pid: event.pid }
      return [topic('start', pack('containerd.events.TaskStart', events.TaskStart, message))]
    }
    case 'exited': {
      const message = { containerId, id: containerId, pid: event.pid, ...exitFields(event) }
      return [topic('exit', pack('containerd.events.TaskExit', events.TaskExit, message))]
    }
    case 'exec-added': {
      const message = { containerId, execId: event.execId }
      return [topic('exec-added', pack('containerd.events.TaskExecAdded', events.TaskExecAdded, message))]
    }
    case 'exec-started': {
      const message = { containerId, execId: event.execId, pid: event.pid }
      return [
        topic('exec-started', pack('containerd.events.TaskExecStarted', events.TaskExecStarted, message)),
      ]
    }
    case 'exec-exited': {
      const message = { containerId, id: event.execId, pid: event.pid, ...exitFields(event) }
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

/**
 * A topic that containerd does not have, in the one message of its own that holds free fields and that no client acts upon here: so `ctr
 * events`, which passes over types it does not know, shows it too.
 */
function finer(name: string, { id, runId }: TaskEvent, labels: Readonly<Record<string, string>>): Topic {
  const type = proto.containerd.events.ContainerUpdate
  const message = { id, labels: { 'run-id': runId, ...labels } }
  return topic(name, pack('containerd.events.ContainerUpdate', type, message))
}

/** containerd's word for the same moment. */
function created({ id, pid, task }: Extract<TaskEvent, { type: 'pid-recorded' }>): Topic {
  const type = proto.containerd.events.TaskCreate
  const io = { ...task.stdio, terminal: task.terminal }
  return topic(
    'create',
    pack('containerd.events.TaskCreate', type, { containerId: id, bundle: task.bundle, io, pid }),
  )
}

function exitFields({ exit }: { readonly exit: ExitStatus }) {
  return { exitStatus: exit.exitCode, exitedAt: timestamp(exit.exitedAt) }
}
