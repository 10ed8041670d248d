/** The same sessions of the docker CLI on a real dockerd and on tallyd: exit codes and outputs have to be the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon } from '../e2e/daemon.ts'
import { differences } from './differences.ts'
import { Dockerd } from './dockerd.ts'
import { comparable, type Outcome } from './outcome.ts'
import { pending } from './pending.ts'
import type { Session, Target } from './session.ts'
import { clients } from './sessions/clients.ts'
import { exec } from './sessions/exec.ts'
import { files } from './sessions/files.ts'
import { life } from './sessions/life.ts'
import { limits } from './sessions/limits.ts'
import { options } from './sessions/options.ts'
import { streams } from './sessions/streams.ts'
import { upkeep } from './sessions/upkeep.ts'
import { volumes } from './sessions/volumes.ts'

const sessions: readonly Session[] = [
  ...life,
  ...streams,
  ...files,
  ...options,
  ...limits,
  ...upkeep,
  ...clients,
  ...volumes,
  ...exec,
]

describe('docker does the same on both daemons', () => {
  let tallyd: Daemon
  let dockerd: Dockerd
  beforeAll(async () => {
    tallyd = await new Daemon().start()
    dockerd = await new Dockerd().start()
    await Promise.all([tallyd.importBusybox(), dockerd.importBusybox()])
  })
  afterAll(() => Promise.all([tallyd?.destroy(), dockerd?.destroy()]))

  for (const session of sessions)
    (pending.has(session.name) ? it.fails : it)(session.name, () => compare(session))

  async function compare({ name, steps }: Session): Promise<void> {
    const [ours, docker] = await Promise.all([take(tallyd, { name, steps }), take(dockerd, { name, steps })])
    const different = steps.flatMap((step, index) => {
      const key = `${name} / ${step.name}`
      const same = JSON.stringify(ours[index]) === JSON.stringify(docker[index])
      if (same === (differences[key] === undefined)) return []
      return [{ step: key, why: differences[key], ours: ours[index], docker: docker[index] }]
    })
    expect(different).toEqual([])
  }
})

async function take(target: Target, { steps }: Session): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const step of steps) outcomes.push(comparable(await step.take(target)))
  return outcomes
}
