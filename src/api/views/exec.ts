/** `GET /exec/{id}/json`: one exec in Docker's words. */
import type { ExecView } from '../../engine/port.ts'
import { parseDetachKeys } from '../detach-keys.ts'

export function execView({ id, containerId, config, running, exitCode, pid }: ExecView) {
  const [entrypoint = '', ...rest] = config.Cmd
  return {
    ID: id,
    Running: running,
    ExitCode: exitCode,
    ProcessConfig: {
      tty: config.Tty,
      entrypoint,
      arguments: rest,
      privileged: config.Privileged,
      ...(config.User !== '' && { user: config.User }),
    },
    OpenStdin: config.AttachStdin,
    OpenStderr: config.AttachStderr,
    OpenStdout: config.AttachStdout,
    CanRemove: false,
    ContainerID: containerId,
    DetachKeys: config.DetachKeys === undefined ? '' : parseDetachKeys(config.DetachKeys).toString('base64'),
    Pid: pid,
  }
}
