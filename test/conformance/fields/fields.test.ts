/** Every field of what both daemons answer about the same objects. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Daemon } from '../../e2e/daemon.ts'
import { Dockerd } from '../dockerd.ts'
import { answersOf } from './answers.ts'
import { fieldDifferences } from './field-difference.ts'
import { judge } from './rule.ts'
import { rules } from './rules.ts'
import { makeScene } from './scene.ts'

let tallyd: Daemon
let dockerd: Dockerd
beforeAll(async () => {
  tallyd = await new Daemon().start()
  dockerd = await new Dockerd().start()
  await Promise.all([tallyd.importBusybox(), dockerd.importBusybox()])
})
afterAll(() => Promise.all([tallyd?.destroy(), dockerd?.destroy()]))

it('shows every field of containers, images and the daemon as Docker does', async () => {
  const codes = await Promise.all([makeScene(tallyd), makeScene(dockerd)])
  expect(codes[0]).toEqual(codes[1])
  const [ours, docker] = await Promise.all([answersOf(tallyd), answersOf(dockerd)])
  const differences = Object.entries(docker).flatMap(([name, answer]) =>
    fieldDifferences(answer, ours[name], name),
  )
  const { unexpected, unused } = judge(differences, rules)
  expect(unexpected).toEqual([])
  expect(unused).toEqual([])
})
