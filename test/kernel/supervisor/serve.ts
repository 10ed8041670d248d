/** A supervisor process for tests: `node serve.ts EXEC-ROOT` serves until it is killed. */
import { serveSupervisor } from '../../../src/supervisor/grpc/server.ts'
import { openSupervisor } from '../../../src/supervisor/local.ts'
import { World } from './world.ts'

const world = new World(process.argv[2])
const supervisor = await openSupervisor(world.options)
await serveSupervisor(supervisor, { socket: world.socket, logger: world.options.logger })
process.stdout.write('ready\n')
