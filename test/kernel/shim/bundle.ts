/** A real OCI bundle: busybox and what `runc spec` writes, adapted. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const applets = ['cat', 'dd', 'echo', 'head', 'printf', 'seq', 'sh', 'sleep', 'stty', 'true', 'yes']

/** The part of config.json that tests change. */
export interface Config {
  process: { terminal: boolean; args: string[]; oomScoreAdj?: number }
  root: { path: string; readonly: boolean }
  linux: {
    cgroupsPath: string
    namespaces: { type: string }[]
    resources: { memory?: { limit: number; swap: number } }
  }
}

export function makeBundle(
  bundle: string,
  id: string,
  args: readonly string[],
  adapt: (config: Config) => void,
): void {
  const bin = join(bundle, 'rootfs/bin')
  mkdirSync(bin, { recursive: true })
  copyFileSync('/bin/busybox', join(bin, 'busybox'))
  for (const name of applets) symlinkSync('busybox', join(bin, name))
  execFileSync('runc', ['spec'], { cwd: bundle })
  const path = join(bundle, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as Config
  config.process.terminal = false
  config.process.args = [...args]
  config.linux.cgroupsPath = `/${id}`
  adapt(config)
  writeFileSync(path, JSON.stringify(config))
}
