/** The process of an exec: the container's own, with what the client asked for instead. */
import type { ExecConfig } from '../../machines/exec-events.ts'
import type { ContainerSpec } from '../../machines/spec.ts'
import { capabilities } from './capabilities.ts'
import type { HostFacts } from './facts.ts'
import { containerProcess } from './process.ts'
import type { Process } from './runtime-spec.ts'
import type { Accounts } from './user.ts'

export interface ExecProcessInputs {
  readonly spec: ContainerSpec
  readonly exec: ExecConfig
  readonly host: HostFacts
  readonly accounts: Accounts
}

/** A working directory that is not absolute is passed on, for the runtime to refuse, as in Docker. @throws TallyError for an unknown user */
export function execProcess({ spec, exec, host, accounts }: ExecProcessInputs): Process {
  const { config, hostConfig } = spec
  const privileges = { ...hostConfig, Privileged: exec.Privileged || hostConfig.Privileged }
  const process = containerProcess({
    ...{ host, start: accounts, capabilities: capabilities(privileges, host.capabilities) },
    spec: {
      ...spec,
      config: {
        ...config,
        ...{ Entrypoint: null, Cmd: exec.Cmd, Tty: exec.Tty, Env: [...config.Env, ...exec.Env] },
        ...{ User: exec.User || config.User, WorkingDir: exec.WorkingDir || config.WorkingDir },
      },
    },
  })
  const relative = exec.WorkingDir !== '' && !exec.WorkingDir.startsWith('/')
  return relative ? { ...process, cwd: exec.WorkingDir } : process
}
