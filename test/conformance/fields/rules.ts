/** Fields that do not come out the same on both daemons, and why. Nothing else may differ. */
import type { DifferenceKind } from './field-difference.ts'
import type { Rule } from './rule.ts'

const value: readonly DifferenceKind[] = ['value']

const rule = (why: string, kinds: readonly DifferenceKind[], ...paths: readonly string[]): readonly Rule[] =>
  paths.map((path) => ({ path, kinds, why }))

/** Measured or drawn anew each time: only that they are there, and their type, can be compared. */
const natural: readonly Rule[] = [
  ...rule(
    'the time it was made',
    value,
    'ps*.*.Created',
    'images.*.Created',
    'history.*.Created',
    'df.**.Created',
  ),
  ...rule('the time it happened', value, 'events.*.time', 'events.*.timeNano'),
  ...rule('drawn by the kernel', value, 'inspect *.State.Pid'),
  ...rule('the time it was made, within it', value, 'heads.*.x-docker-container-path-stat'),
  ...rule('of this daemon alone', value, 'info.ID', 'info.NFd', 'info.NGoroutines'),
]

const networks: readonly Rule[] = [
  ...rule(
    'a container without a network has no sandbox and no endpoint here: none of them could be asked for anything',
    value,
    'inspect *.NetworkSettings.SandboxID',
    'inspect *.NetworkSettings.SandboxKey',
    '**.Networks.none.EndpointID',
    'network*.Containers.*.EndpointID',
  ),
  ...rule('only networks that are there are named', ['value', 'missing'], 'info.Plugins.Network.*'),
]

const containers: readonly Rule[] = [
  ...rule("a container's layer has its id", value, 'inspect *.GraphDriver.Data.*'),
  ...rule(
    'newer Docker masks more: /proc/interrupts and the power caps tell of the host',
    ['value', 'extra'],
    'inspect *.HostConfig.MaskedPaths.*',
  ),
  ...rule(
    'what a client left out is shown as if it had said it: lists that are empty, the policy no',
    ['type', 'value'],
    'inspect minimal.HostConfig.*',
    'inspect minimal.HostConfig.RestartPolicy.Name',
  ),
]

const images: readonly Rule[] = [
  ...rule(
    'an image keeps all its layers itself, so that it depends on no other: it has no parent, as with containerd',
    ['value', 'type'],
    'images.*.ParentId',
    'df.Images.*.ParentId',
    'image made.Parent',
    'history.1.Id',
    'history.1.Tags',
  ),
  ...rule('no Docker made it', value, 'image *.DockerVersion'),
  ...rule('an image is there before its tag is', value, 'events.0.**', 'events.1.**'),
]

const daemon: readonly Rule[] = [
  ...rule('it says who answers', value, 'heads.*.server'),
  ...rule(
    'every answer has them, also one that says there is no such route or version',
    ['extra'],
    'heads.GET /v1_41/nonsense.*',
    'heads.GET /v9_99/info.docker-experimental',
  ),
  ...rule('what is no JSON is no failure of the server, as in newer Docker', value, 'heads.* no json.status'),
  ...rule('only what is there is named', ['value', 'missing'], 'info.Plugins.*.*', 'info.Runtimes.**'),
  ...rule(
    'it is not asked of the file system',
    ['value', 'missing'],
    'info.DriverStatus.*',
    'info.DriverStatus.*.*',
  ),
  ...rule('kernels do not limit it apart any more', value, 'info.KernelMemory', 'info.KernelMemoryTCP'),
  ...rule(
    "dockerd switches it on in its own namespace, which is no engine's to do for none",
    value,
    'info.IPv4Forwarding',
  ),
  ...rule('no registry is asked yet', ['missing'], 'info.RegistryConfig.**'),
  ...rule('containers always go on while the daemon is away', value, 'info.LiveRestoreEnabled'),
  ...rule(
    'parts and versions of our own',
    value,
    'info.ServerVersion',
    'info.ContainerdCommit.*',
    'info.InitBinary',
  ),
  ...rule(
    'parts and versions of our own',
    value,
    'version.Platform.Name',
    'version.Components.**',
    'version.Version',
  ),
  ...rule(
    'run as it was written: there is no build',
    value,
    'version.GitCommit',
    'version.BuildTime',
    'version.GoVersion',
  ),
  ...rule('clients from 2015 are not served', value, 'version.MinAPIVersion'),
]

/** Different on purpose. */
const intended: readonly Rule[] = [...networks, ...containers, ...images, ...daemon]

export const rules: readonly Rule[] = [...natural, ...intended]
