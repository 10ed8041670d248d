/** `tally`: runs the command line of this process. */
import manifest from '../../package.json' with { type: 'json' }
import { runTally } from './tally-command.ts'

// `tally history x | head` closes the pipe early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await runTally(process.argv.slice(2), manifest.version, {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
})
