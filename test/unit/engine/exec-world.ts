/** The execs of the simulated world: they run until they are ended, or deleted. */

import { TallyError } from '../../../src/errors.ts'
import type { ExecRef, ExitStatus, Supervisor } from '../../../src/supervisor/port.ts'
import type { ExecWorker } from '../../../src/workers/exec.ts'

const identity = { pid: 4242, startTicks: '1' }
const exitedAt = '2026-01-01T00:00:00.000000000Z'

export class ExecWorld {
  readonly #running = new Map<string, PromiseWithResolvers<ExitStatus>>()
  /** What the next one can't be started for. */
  refusal: string | undefined

  /** Whether the supervisor still has it. */
  has(execId: string): boolean {
    return this.#running.has(execId)
  }

  end(execId: string, exitCode: number): void {
    this.#running.get(execId)?.resolve({ exitCode, exitedAt, oomKilled: false })
  }

  worker(): ExecWorker {
    return {
      stdio: () => ({}),
      prepare({ id, execId, runId }) {
        return {
          ...{ id, execId, runId },
          ...{ process: {}, stdio: {}, terminal: false },
        }
      },
      release: async () => undefined,
    }
  }

  /** A supervisor that has execs besides the tasks of `tasks`. */
  among(tasks: Supervisor): Supervisor {
    const ofExec = (of: string | ExecRef): of is ExecRef => typeof of !== 'string'
    return {
      ...tasks,
      startExec: async ({ execId }) => {
        if (this.refusal !== undefined)
          throw new TallyError('bad-request', this.refusal, { step: 'awaitPid', exitCode: 127 })
        if (!this.#running.has(execId)) this.#running.set(execId, Promise.withResolvers())
        return identity
      },
      awaitPid: async (of) => (ofExec(of) ? identity : tasks.awaitPid(of)),
      wait: async (of, signal) => (ofExec(of) ? this.#wait(of) : tasks.wait(of, signal)),
      delete: async (of) => (ofExec(of) ? void this.#running.delete(of.execId) : tasks.delete(of)),
    }
  }

  async #wait({ execId }: ExecRef): Promise<ExitStatus> {
    const unknown: ExitStatus = { exitCode: 255, exitedAt, oomKilled: false, reason: 'not known' }
    return (await this.#running.get(execId)?.promise) ?? unknown
  }
}
