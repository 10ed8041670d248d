/** A scripted session: steps of one client that are done on both daemons and have to come out the same. */
import { run } from '../e2e/daemon.ts'
import type { CliResult, DockerCli } from '../e2e/surroundings.ts'

/** Where a session is done. */
export interface Target extends DockerCli {
  readonly socket: string
}

export interface Step {
  /** What it is called in a report. */
  readonly name: string
  take(target: Target): Promise<CliResult>
}

export interface Session {
  readonly name: string
  readonly steps: readonly Step[]
}

/** A line of the docker CLI; words are split at blanks, but not within single quotes. */
export const docker = (line: string, input?: string): Step => ({
  name: `docker ${line}`,
  take: (target) => {
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')
    return input === undefined ? target.docker(...words) : target.dockerWithInput(input, ...words)
  },
})

/** A line of sh in which `docker` talks to the target. */
export const shell = (line: string): Step => ({
  name: line,
  take: ({ socket }) => run('env', [`DOCKER_HOST=unix://${socket}`, 'sh', '-c', line]),
})

export const session = (name: string, ...steps: readonly Step[]): Session => ({ name, steps })
