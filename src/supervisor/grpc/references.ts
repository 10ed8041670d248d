/** What a request is about: a task's first process, or one exec'd in it. */
import type { ProcessRef } from '../port.ts'

/** As our own service names it. */
export const toTaskRequest = (of: ProcessRef) => (typeof of === 'string' ? { id: of } : of)

/** As containerd's Tasks names it. */
export function toContainerRequest(of: ProcessRef) {
  return typeof of === 'string' ? { containerId: of } : { containerId: of.id, execId: of.execId }
}

/** @param execId empty for the first process. */
export function processRef(id: string, execId: string | undefined): ProcessRef {
  return execId ? { id, execId } : id
}
