/** What a task uses, from its control group's files, in the form that containerd's clients know: cgroup v1's or v2's. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Any } from '../../../build/proto/google/protobuf/Any.ts'
import { pack, proto } from './proto.ts'

/** @param directories of the group in each hierarchy. */
export async function taskMetrics(directories: readonly string[]): Promise<Any> {
  const files = new GroupFiles(directories)
  return (await files.has('memory.usage_in_bytes')) ? legacyMetrics(files) : unifiedMetrics(files)
}

async function legacyMetrics(files: GroupFiles): Promise<Any> {
  const message = {
    pids: await pids(files),
    cpu: { usage: { total: await files.number('cpuacct.usage'), ...(await cpuSplit(files)) } },
    memory: await legacyMemory(files),
  }
  return pack('io.containerd.cgroups.v1.Metrics', proto.io.containerd.cgroups.v1.Metrics, message)
}

async function pids(files: GroupFiles) {
  return { current: await files.number('pids.current'), limit: await files.number('pids.max') }
}

async function cpuSplit(files: GroupFiles) {
  return { user: await files.number('cpuacct.usage_user'), kernel: await files.number('cpuacct.usage_sys') }
}

async function legacyMemory(files: GroupFiles) {
  const stat = await files.table('memory.stat')
  return {
    cache: stat('cache'),
    rss: stat('rss'),
    totalInactiveFile: stat('total_inactive_file'),
    usage: {
      usage: await files.number('memory.usage_in_bytes'),
      limit: await files.number('memory.limit_in_bytes'),
      max: await files.number('memory.max_usage_in_bytes'),
      failcnt: await files.number('memory.failcnt'),
    },
  }
}

async function unifiedMetrics(files: GroupFiles): Promise<Any> {
  const cpu = await files.table('cpu.stat')
  const memory = await files.table('memory.stat')
  const message = {
    pids: await pids(files),
    cpu: { usageUsec: cpu('usage_usec'), userUsec: cpu('user_usec'), systemUsec: cpu('system_usec') },
    memory: {
      anon: memory('anon'),
      file: memory('file'),
      inactiveFile: memory('inactive_file'),
      usage: await files.number('memory.current'),
      usageLimit: await files.number('memory.max'),
    },
  }
  return pack('io.containerd.cgroups.v2.Metrics', proto.io.containerd.cgroups.v2.Metrics, message)
}

/** Files of one group whose controllers may be spread over several directories. */
class GroupFiles {
  readonly #directories: readonly string[]

  constructor(directories: readonly string[]) {
    this.#directories = directories
  }

  async has(name: string): Promise<boolean> {
    return (await this.#text(name)) !== ''
  }

  /** 0 for a file that is not there and for `max`. */
  async number(name: string): Promise<number> {
    return Number((await this.#text(name)).trim()) || 0
  }

  /** A file of lines `key value`. */
  async table(name: string): Promise<(key: string) => number> {
    const lines = (await this.#text(name)).split('\n').map((line) => line.split(' '))
    const values = new Map(lines.map(([key = '', value]) => [key, Number(value)]))
    return (key) => values.get(key) ?? 0
  }

  async #text(name: string): Promise<string> {
    const found = await Promise.all(
      this.#directories.map((directory) => readFile(join(directory, name), 'utf8').catch(() => '')),
    )
    return found.find((text) => text !== '') ?? ''
  }
}
