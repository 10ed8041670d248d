/** Attached streams, logs and exec by dockerode. */
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type Dockerode from 'dockerode'
import { demultiplexed, demultiplexedBuffer, dockerode, type Outputs, shell } from '../clients/dockerode.ts'
import { session } from '../session.ts'

const streams = session(
  'dockerode: streams',
  dockerode('attach to both outputs', async (docker) => {
    const container = await docker.createContainer({
      name: 'both',
      ...shell('echo out; sleep 0.3; echo err >&2'),
    })
    const stream = await container.attach({ stream: true, stdout: true, stderr: true })
    const outputs = demultiplexed(docker, stream)
    await container.start()
    return [await outputs, await container.wait()]
  }),
  dockerode('attach to what was', async (docker) => {
    const stream = await docker.getContainer('both').attach({ logs: true, stdout: true, stderr: true })
    return await demultiplexed(docker, stream)
  }),
  dockerode('logs', async (docker) => {
    const logs = await docker.getContainer('both').logs({ stdout: true, stderr: true })
    return await demultiplexedBuffer(docker, logs)
  }),
  dockerode('logs of one output', async (docker) => {
    const logs = await docker.getContainer('both').logs({ stderr: true, timestamps: true, tail: 1 })
    return await demultiplexedBuffer(docker, logs)
  }),
  dockerode('logs of neither', (docker) => docker.getContainer('both').logs({})),
  dockerode('stdin by an upgraded connection', async (docker) => {
    const options = { OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true }
    const container = await docker.createContainer({ name: 'cat', ...shell('cat; echo end >&2'), ...options })
    const wanted = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true }
    const stream = await container.attach(wanted)
    const outputs = demultiplexed(docker, stream)
    await container.start()
    stream.end(Buffer.from([0, 1, 2, 0xff, 0x0a]))
    return [await outputs, await container.wait()]
  }),
  dockerode('followed logs', async (docker) => {
    const container = await docker.createContainer({ name: 'follow', ...shell('echo 1; sleep 0.3; echo 2') })
    await container.start()
    const stream = await container.logs({ stdout: true, stderr: true, follow: true })
    return await demultiplexed(docker, stream)
  }),
  dockerode('terminal', async (docker) => {
    const options = { name: 'tty', Tty: true, AttachStdout: true }
    const container = await docker.createContainer({ ...shell('tty; stty size'), ...options })
    const stream = await container.attach({ stream: true, stdout: true, stderr: true })
    const output = text(Readable.from(stream))
    await container.start()
    await output
    return [(await container.logs({ stdout: true })).toString(), await container.wait()]
  }),
  dockerode('resize of a stopped one', (docker) => docker.getContainer('tty').resize({ h: 10, w: 20 })),
  dockerode('attach to nothing', (docker) => docker.getContainer('gone').attach({ stream: true })),
  dockerode('logs of nothing', (docker) => docker.getContainer('gone').logs({ stdout: true })),
  dockerode('remove', async (docker) => {
    for (const name of ['both', 'cat', 'follow', 'tty']) await docker.getContainer(name).remove()
  }),
)

/** Docker's running once: creates, attaches, starts, waits. */
const run = session(
  'dockerode: run',
  dockerode('run', async (docker) => {
    const output = new PassThrough()
    const command = ['sh', '-c', 'echo one; exit 5']
    const [result, container] = await docker.run('bb', command, output, {
      HostConfig: { NetworkMode: 'none' },
      Tty: true,
    })
    await container.remove()
    return [result, await text(output)]
  }),
)

/** What `docker exec` does: its outputs and its exit code. */
async function executed(docker: Dockerode, options: object): Promise<readonly [Outputs, number | null]> {
  const exec = await docker.getContainer('host').exec({ AttachStdout: true, AttachStderr: true, ...options })
  const outputs = await demultiplexed(docker, await exec.start({}))
  return [outputs, (await exec.inspect()).ExitCode]
}

const exec = session(
  'dockerode: exec',
  dockerode('run', async (docker) => {
    await (await docker.createContainer({ name: 'host', ...shell('exec sleep 1000') })).start()
  }),
  dockerode('exec', (docker) =>
    executed(docker, { Cmd: ['sh', '-c', 'echo out; sleep 0.2; echo err >&2; exit 7'] }),
  ),
  dockerode('exec with options', (docker) => {
    const options = { Env: ['A=1'], WorkingDir: '/etc', User: '7:8' }
    return executed(docker, { Cmd: ['sh', '-c', 'echo $A; pwd; id -u; id -g'], ...options })
  }),
  dockerode('exec with stdin', async (docker) => {
    const options = { AttachStdin: true, AttachStdout: true, AttachStderr: true, Cmd: ['cat'] }
    const cat = await docker.getContainer('host').exec(options)
    const stream = await cat.start({ hijack: true, stdin: true })
    const outputs = demultiplexed(docker, stream)
    stream.end(Buffer.from([0, 1, 2, 0xff, 0x0a]))
    return [await outputs, (await cat.inspect()).ExitCode]
  }),
  dockerode('exec with a terminal', async (docker) => {
    const options = { AttachStdout: true, Tty: true, Cmd: ['tty'] }
    const tty = await docker.getContainer('host').exec(options)
    return await text(Readable.from(await tty.start({ hijack: true, Tty: true })))
  }),
  dockerode('what inspect tells of one', async (docker) => {
    const quick = await docker.getContainer('host').exec({ Cmd: ['true'], AttachStdout: true })
    const { ID, ContainerID, Pid, ...before } = await quick.inspect()
    return [typeof ID, typeof ContainerID, typeof Pid, before]
  }),
  dockerode('exec of what is not there', (docker) => executed(docker, { Cmd: ['no-such-command'] })),
  dockerode('exec of nothing', (docker) => docker.getContainer('host').exec({ AttachStdout: true })),
  dockerode('inspect of no exec', (docker) => docker.getExec('gone').inspect()),
  dockerode('exec in a stopped one', async (docker) => {
    await docker.getContainer('host').kill()
    return await docker.getContainer('host').exec({ Cmd: ['true'] })
  }),
  dockerode('remove', (docker) => docker.getContainer('host').remove()),
)

export const streamsByDockerode = [streams, run, exec] as const
