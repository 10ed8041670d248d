/** The tasks that a supervisor follows, and the processes in them, found by what names them. */
import { TallyError } from '../errors.ts'
import type { Exec } from './exec.ts'
import type { ExecRef, ProcessRef } from './port.ts'
import type { ShimmedProcess } from './shimmed-process.ts'
import type { Task } from './task.ts'

export class TaskTable implements Disposable {
  readonly #tasks = new Map<string, Task>()

  all(): readonly Task[] {
    return [...this.#tasks.values()]
  }

  task(id: string): Task | undefined {
    return this.#tasks.get(id)
  }

  /** @throws TallyError not-found */
  find(id: string): Task {
    const task = this.#tasks.get(id)
    if (task === undefined) throw new TallyError('not-found', `task ${id}: not found`)
    return task
  }

  /** @throws TallyError not-found */
  findExec({ id, execId }: ExecRef): Exec {
    const exec = this.find(id).execs.get(execId)
    if (exec === undefined) throw new TallyError('not-found', `exec ${execId} of task ${id}: not found`)
    return exec
  }

  process(of: ProcessRef): ShimmedProcess | undefined {
    return typeof of === 'string' ? this.#tasks.get(of) : this.#tasks.get(of.id)?.execs.get(of.execId)
  }

  /** @throws TallyError not-found */
  findProcess(of: ProcessRef): ShimmedProcess {
    return typeof of === 'string' ? this.find(of) : this.findExec(of)
  }

  add(task: Task): void {
    this.#tasks.set(task.record.id, task)
  }

  /** Forgets it and stops following it. */
  remove(task: Task): void {
    this.#tasks.delete(task.record.id)
    task[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    for (const task of this.#tasks.values()) this.remove(task)
  }
}
