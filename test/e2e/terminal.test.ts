/** Terminals, stdin and attach, from a docker CLI at a pseudo-terminal down to the process. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './api-client.ts'
import { Daemon, run } from './daemon.ts'
import { TerminalClient } from './terminal-client.ts'

/** MiB that go through; 100 is what was promised. */
const amount = Number(process.env.TALLY_STREAM_MIB ?? 32)

/** KiB by which the daemon may grow while they do. */
const growth = 160 * 1024

describe('at a terminal', () => {
  let daemon: Daemon
  const at = (...args: readonly string[]) =>
    new TerminalClient(['docker', '-H', `unix://${daemon.socket}`, ...args])
  const runAt = (name: string) => at('run', '-it', '--network', 'none', '--name', name, 'bb', 'sh')

  /** `--until 0s` would be the last whole second: what has just happened came after it. */
  const eventsOf = async (name: string): Promise<string> => {
    const soon = ((Date.now() + 100) / 1000).toFixed(3)
    const range = ['--since', '1h', '--until', soon, '--filter', `container=${name}`]
    return (await daemon.docker('events', ...range, '--format', '{{.Action}} {{json .Actor.Attributes}}'))
      .stdout
  }

  beforeAll(async () => {
    daemon = await new Daemon().start()
    await daemon.importBusybox()
  })
  afterAll(() => daemon?.destroy())

  it('the size is that of the client’s own terminal, also when it changes', async () => {
    await using client = runAt('sized')
    await client.sees('# ')
    client.resize(33, 77)
    client.type('until stty size | grep "33 77"; do sleep 0.1; done\r')
    await client.sees('\r\n33 77\r\n')
    client.type('trap "stty size; exit 4" WINCH; echo rea""dy; while :; do sleep 0.1; done\r')
    await client.sees('ready\r\n')
    client.resize(20, 60)
    expect(await client.end()).toBe(4)
    expect(client.shown).toContain('20 60\r\n')
  })

  it('ctrl-c is for the process', async () => {
    await using client = runAt('interrupted')
    await client.sees('# ')
    client.type('sleep 10""00\r')
    await client.sees('sleep 10""00\r\n')
    await sleep(300)
    client.type('\x03')
    client.type('echo code $?\rexit 9\r')
    await client.sees('code 130')
    expect(await client.end()).toBe(9)
  })

  it('several see the same, and each may type', async () => {
    await using one = runAt('shared')
    await one.sees('# ')
    await using two = at('attach', 'shared')
    await using reader = at('attach', '--no-stdin', 'shared')
    while ((await eventsOf('shared')).match(/^attach/gm)?.length !== 3) await sleep(100)
    two.type('echo from""two\r')
    for (const client of [one, two, reader]) await client.sees('fromtwo')
    one.type('echo from""one; exit 5\r')
    for (const client of [one, two, reader]) {
      await client.sees('fromone')
      expect(await client.end()).toBe(5)
    }
    const { stdout } = await daemon.docker('logs', 'shared')
    expect(stdout).toContain('fromtwo\r\n')
    expect(stdout).toContain('fromone\r\n')
  })

  it('the end of what is typed ends nothing', async () => {
    const { stdout: id } = await daemon.docker(
      'run',
      '-dit',
      '--network',
      'none',
      '--name',
      'open',
      'bb',
      'cat',
    )
    const script = `printf 'POST /containers/open/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\\r\\nHost: d\\r\\n\\r\\ntyped\\n' | timeout 20 python3 -c '${halfClosing}' ${daemon.socket}`
    expect((await run('sh', ['-c', script])).code).toBe(0)
    expect((await daemon.docker('ps', '-q', '--no-trunc')).stdout).toContain(id.trim())
    await using client = at('attach', 'open')
    client.type('again\r')
    await client.sees('again\r\nagain\r\n')
    client.type('\x04')
    expect(await client.end()).toBe(0)
    expect((await daemon.docker('logs', 'open')).stdout).toContain('typed\r\ntyped\r\n')
  })

  it('docker events shows who resized it', async () => {
    await daemon.docker('run', '-dit', '--network', 'none', '--name', 'watched', 'bb', 'cat')
    using api = new ApiClient(daemon.socket)
    expect((await api.send('POST', '/containers/watched/resize?h=40&w=100')).status).toBe(200)
    await daemon.docker('rm', '-f', 'watched')
    expect(await eventsOf('watched')).toMatch(/^resize .*"height":"40".*"width":"100"/m)
  })

  it('signals go to the process of who is attached, unless they are not to', async () => {
    const script = 'trap "exit 6" INT; while :; do sleep 0.1; done'
    await daemon.docker('run', '-d', '--network', 'none', '--name', 'proxied', 'bb', 'sh', '-c', script)
    const attach = (option: string) =>
      run('timeout', [
        '-k',
        '1',
        '-s',
        'INT',
        '2',
        'docker',
        '-H',
        `unix://${daemon.socket}`,
        'attach',
        option,
        'proxied',
      ])
    await attach('--sig-proxy=false')
    expect((await daemon.docker('ps', '-q', '--filter', 'name=proxied')).stdout).not.toBe('')
    await attach('--sig-proxy=true')
    expect((await daemon.docker('wait', 'proxied')).stdout.trim()).toBe('6')
  })

  it(`${amount} MiB go through byte for byte, and the daemon does not grow by them`, async () => {
    const [sent, received] = [join(daemon.root, 'sent'), join(daemon.root, 'received')]
    await writeRandom(sent, amount)
    const before = residentKib(daemon.pid)
    const docker = `docker -H unix://${daemon.socket} run -i --rm --network none --log-driver none bb cat`
    expect((await run('sh', ['-c', `${docker} <${sent} >${received}`])).code).toBe(0)
    expect((await run('cmp', [sent, received])).stdout).toBe('')
    expect(residentKib(daemon.pid) - before).toBeLessThan(growth)
  })

  it('a slow reader holds the process back and gets every line, and so does the log', async () => {
    const docker = `docker -H unix://${daemon.socket} run --network none --name slow bb seq 1 400000`
    const { stdout: got } = await run('sh', ['-c', `${docker} | { sleep 3; sha256sum; }`])
    const { stdout: logged } = await run('sh', [
      '-c',
      `docker -H unix://${daemon.socket} logs slow | sha256sum`,
    ])
    const all = Array.from({ length: 400_000 }, (_, index) => `${index + 1}\n`).join('')
    const digest = createHash('sha256').update(all).digest('hex')
    expect([got, logged].map((line) => line.split(' ')[0])).toEqual([digest, digest])
  })
})

/** Sends its stdin, closes that half and reads on to the end. */
const halfClosing =
  'import socket,sys,shutil; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read()); s.shutdown(socket.SHUT_WR); s.makefile("rb").read()'

async function writeRandom(path: string, mebibytes: number): Promise<void> {
  const block = Buffer.alloc(1024 * 1024)
  const file = createWriteStream(path)
  for (let index = 0; index < mebibytes; index += 1) {
    const half = createHash('sha512').update(String(index)).digest()
    for (let at = 0; at < block.length; at += half.length) {
      half.copy(block, at)
      block.writeUInt32LE(at, at)
    }
    if (!file.write(Buffer.from(block))) await once(file, 'drain')
  }
  file.end()
  await finished(file)
}

/** The most that it ever had in memory, proc_pid_status(5). */
function residentKib(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}
