/** `tallyd`: reads the command line, opens the daemon or the supervisor, and closes it on SIGTERM or SIGINT. */
import { rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { type Logger, pino } from 'pino'
import { systemClock } from '../clock.ts'
import { openDaemon, openLocalSupervisor } from '../daemon.ts'
import { TallyError } from '../errors.ts'
import { type Faults, faultsOfEnvironment } from '../faults.ts'
import { requireRuntime } from '../kernel/requirements.ts'
import { supervisorVersion } from '../supervisor/version.ts'
import { logDestination } from './log-destination.ts'
import { parseTallyd, type SupervisorOptions } from './tallyd-options.ts'

const { version } = supervisorVersion()

async function main(): Promise<void> {
  const invocation = parseTallyd(process.argv.slice(2), version)
  if (invocation.kind === 'print') {
    const stream = invocation.exitCode === 0 ? process.stdout : process.stderr
    stream.write(invocation.text)
    process.exitCode = invocation.exitCode
    return
  }
  const { options } = invocation
  const format = { level: options.logLevel, timestamp: pino.stdTimeFunctions.isoTime }
  const logger = pino(format, logDestination(process.stdout.fd))
  const faults = faultsOfEnvironment((point) => logger.warn({ point }, 'fault point reached'))
  const open =
    invocation.kind === 'daemon'
      ? openDaemon({ ...invocation.options, faults }, logger)
      : runSupervisor(invocation.options, faults, logger)
  const running = await open
  if (options.pidFile !== '') writeFileSync(options.pidFile, `${process.pid}`, { mode: 0o644 })
  logger.info({ version, pid: process.pid }, 'ready')
  // What starting up has left behind is given back now: an idle daemon would not collect it for hours.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  await endSignal(logger)
  await running[Symbol.asyncDispose]()
  if (options.pidFile !== '') rmSync(options.pidFile, { force: true })
}

async function runSupervisor(
  { roots, socket }: SupervisorOptions,
  faults: Faults,
  logger: Logger,
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const runtime = await requireRuntime('runc')
  await openLocalSupervisor({ roots, runtime, socket, faults }, { logger, clock: systemClock, stack })
  return stack.move()
}

/** As in dockerd the first signal asks for the end, the next two change nothing, and one more ends the process as it is. */
function endSignal(logger: Logger): Promise<void> {
  const patience = 3
  let count = 0
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => {
        count += 1
        logger.info({ signal }, count === 1 ? 'closing' : 'already closing')
        if (count > patience) process.exit(128 + constants.signals[signal])
        resolve()
      })
  })
}

try {
  await main()
} catch (error) {
  if (!(error instanceof TallyError)) throw error
  process.stderr.write(`tallyd: ${error.message}\n`)
  process.exit(1)
}
process.exit()
