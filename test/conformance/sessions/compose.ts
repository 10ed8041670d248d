/** A project of docker-compose 1.29 whose containers have no network. Few steps: each starts a Python of its own. */
import { join } from 'node:path'
import { run } from '../../e2e/daemon.ts'
import { docker, type Session, type Step, session } from '../session.ts'

const file = join(import.meta.dirname, '../clients/compose/docker-compose.yml')

const compose = (line: string): Step => ({
  name: `docker-compose ${line}`,
  take: ({ socket }) => {
    const words = ['-f', file, '-p', 'project', '--no-ansi', ...line.split(' ')]
    return run('env', [`DOCKER_HOST=unix://${socket}`, 'docker-compose', ...words])
  },
})

export const composeSession: Session = session(
  'docker-compose',
  compose('up -d'),
  docker('wait project_worker_1'),
  compose('ps'),
  compose('logs --no-color worker'),
  compose('run --rm worker echo once'),
  compose('restart -t 0 server'),
  docker('ps -a --format {{.Names}} --filter label=com.docker.compose.project=project'),
  compose('down -t 0'),
)
