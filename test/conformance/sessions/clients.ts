/** What programs other than the docker CLI do. */
import { composeSession } from './compose.ts'
import { dockerPySessions } from './docker-py.ts'
import { filesByDockerode } from './dockerode-files.ts'
import { lifeByDockerode } from './dockerode-life.ts'
import { streamsByDockerode } from './dockerode-streams.ts'

export const clients = [
  ...lifeByDockerode,
  ...streamsByDockerode,
  ...filesByDockerode,
  ...dockerPySessions,
  composeSession,
] as const
