import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { logDestination } from '../../../src/cli/log-destination.ts'

function descriptorOf(path: string, flags: string): number {
  const descriptor = openSync(path, flags)
  onTestFinished(() => closeSync(descriptor))
  return descriptor
}

describe('the daemon’s log', () => {
  it('has a line as soon as it is said', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tally-log-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const path = join(directory, 'log')
    const logger = pino({}, logDestination(descriptorOf(path, 'a')))
    logger.info({ container: 'web' }, 'ready')
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ container: 'web', msg: 'ready' })
  })

  it('loses lines on a full disk instead of holding the daemon', () => {
    const logger = pino({}, logDestination(descriptorOf('/dev/full', 'w')))
    const say = () => logger.warn('event not recorded')
    expect([say(), say(), say()]).toEqual([undefined, undefined, undefined])
  })
})
