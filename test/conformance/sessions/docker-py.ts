/** What programs do by docker-py, Debian's python3-docker: the scenarios of a script. */
import { join } from 'node:path'
import { run } from '../../e2e/daemon.ts'
import { type Session, session } from '../session.ts'

const script = join(import.meta.dirname, '../clients/docker_py.py')

const scenarios = [
  ...['life', 'streams', 'files', 'images', 'mistakes', 'saving', 'daemon', 'sidecars'],
  ...['freezing', 'execs', 'volumes'],
] as const

const scenario = (name: string): Session =>
  session(`docker-py: ${name}`, {
    name,
    take: ({ socket }) => run('/usr/bin/python3', [script, socket, name]),
  })

export const dockerPySessions = scenarios.map(scenario)
