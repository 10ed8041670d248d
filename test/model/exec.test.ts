/** Walks the exec machine along every path: no state or transition is out of reach, and the engine does on each what the machine asks for. */
import { describe, expect, it } from 'vitest'
import { getSimplePaths, getStateNodes } from 'xstate/graph'
import { execMachine } from '../../machines/exec.ts'
import type { ExecEvent } from '../../machines/exec-events.ts'
import {
  type ExecEffect,
  type ExecLife,
  evolveExec,
  foldExec,
  newExecLife,
  pendingExecEffect,
} from '../../machines/exec-life.ts'
import { ExecLifecycle } from '../../src/engine/exec-lifecycle.ts'
import { execMessagesOf } from '../../src/engine/exec-messages.ts'
import { abortable } from '../../src/supervisor/abortable.ts'

const at = '2026-01-01T00:00:00.000000000Z'
const failure = { code: 'internal', message: 'no', exitCode: 126 }

const alphabet: readonly ExecEvent[] = [
  {
    ...{ type: 'ExecCreated', id: 'e', runId: 'run' },
    container: { id: 'c', name: 'n', image: 'i', labels: { tier: 'front' } },
    config: {
      ...{ Cmd: ['sh', '-c', 'x'], Env: [], User: '', WorkingDir: '', Privileged: false, Tty: true },
      ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
    },
  },
  { type: 'ExecStartRequested', detach: false },
  { type: 'ExecStarted', pid: 1, startTicks: '2' },
  { type: 'ExecExited', exitCode: 3, exitedAt: at },
  { type: 'ExecFailed', failure },
  { type: 'ExecDetached' },
  { type: 'ExecReleased' },
]

/** What the machine decides on. */
const point = ({ value, context }: ExecLife): string => JSON.stringify([value, context.failure !== null])

const paths = getSimplePaths(execMachine, {
  events: [...alphabet],
  serializeState: (life, event, previous) =>
    // An event that changes nothing the machine decides on is a step all the same, once in each state.
    event?.type === 'ExecDetached' ? `${point(previous ?? life)} left` : point(life),
  filterEvents: (life, event) => life.can(event),
}).map(({ steps }) => steps.slice(1).map(({ event }) => event as ExecEvent))

const prefixes = (path: readonly ExecEvent[]): readonly (readonly ExecEvent[])[] =>
  path.map((_, index) => path.slice(0, index + 1))

const lives = [newExecLife(), ...paths.flatMap(prefixes).map(foldExec)]

/** The exec as the engine leads it: what its state asks for is answered with what comes next on the path. */
class Walker {
  readonly log: ExecEvent[] = []
  asked: ExecEffect | undefined
  #answer = Promise.withResolvers<ExecEvent>()
  readonly lifecycle = new ExecLifecycle(
    {
      record: (event, { version }) => {
        expect(version).toBe(this.log.length + 1)
        this.log.push(event)
      },
      perform: (effect, _life, signal) => {
        this.asked = effect
        return abortable(this.#answer.promise, signal)
      },
      now: () => at,
      reach: () => undefined,
      sleep: () => () => undefined,
      report: (message) => expect(message).toBe('never'),
    },
    newExecLife(),
    0,
  )

  async go(event: ExecEvent): Promise<void> {
    const wanted = evolveExec(this.lifecycle.life, event)
    if (isAnswer(event)) this.#reply(event)
    else this.lifecycle.observe(event, { requestId: 'r', request: 'a test' })
    await this.lifecycle.until((life) => point(life) === point(wanted), AbortSignal.timeout(5_000))
    await new Promise<void>((resolve) => setImmediate(resolve))
  }

  #reply(event: ExecEvent): void {
    const { resolve } = this.#answer
    this.asked = undefined
    this.#answer = Promise.withResolvers()
    resolve(event)
  }
}

const isAnswer = ({ type }: ExecEvent): boolean =>
  ['ExecStarted', 'ExecExited', 'ExecFailed', 'ExecReleased'].includes(type)

describe('the exec machine', () => {
  it('reaches every state', () => {
    const reached = new Set(lives.flatMap(({ _nodes }) => _nodes.map(({ id }) => id)))
    const all = getStateNodes(execMachine).map(({ id }) => id)
    expect(all.filter((id) => !reached.has(id))).toEqual([])
  })

  it('takes every transition', () => {
    const taken = new Set(
      paths.flatMap((path) =>
        prefixes(path).flatMap((prefix) => {
          const before = foldExec(prefix.slice(0, -1))
          return before._nodes.map(({ id }) => `${prefix.at(-1)?.type} in ${id}`)
        }),
      ),
    )
    const all = getStateNodes(execMachine).flatMap(({ id, ownEvents }) =>
      ownEvents.map((type) => `${type} in ${id}`),
    )
    expect(all.length).toBeGreaterThan(7)
    expect(all.filter((transition) => !taken.has(transition))).toEqual([])
  })

  it('asks for an effect as long as something of it is under way, and for none at rest', () => {
    for (const life of lives) {
      const atRest = ['absent', 'created', 'exited', 'failed'].includes(String(life.value))
      expect([life.value, pendingExecEffect(life) !== undefined]).toEqual([life.value, !atRest])
    }
  })

  it('is over only after it was released, and knows then how it ended', () => {
    for (const { status, context } of lives) {
      if (status !== 'done') continue
      expect([context.exit !== null, context.failure !== null].filter((known) => known)).toEqual([true])
    }
  })

  it('takes nothing in a state that has no use for it', () => {
    for (const life of lives)
      for (const event of alphabet.filter((one) => !life.can(one))) expect(evolveExec(life, event)).toBe(life)
  })

  it('is shown with its container’s labels and its own id', () => {
    for (const life of lives)
      for (const event of alphabet)
        for (const { attributes } of execMessagesOf(event, life.context))
          expect(attributes).toMatchObject({ execID: 'e', image: 'i', name: 'n', tier: 'front' })
  })
})

describe('the engine on the paths of the exec machine', () => {
  it('does on each what the state asks for', async () => {
    expect(paths.length).toBeGreaterThan(10)
    for (const path of paths) {
      const walker = new Walker()
      for (const event of path) {
        await walker.go(event)
        expect(walker.asked).toBe(pendingExecEffect(walker.lifecycle.life))
      }
      expect(walker.log).toEqual(path)
      await walker.lifecycle.stop()
    }
  })
})
