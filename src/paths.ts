/** Where everything lies on disk: the classic names below our two roots. */
import { join } from 'node:path'

export interface Roots {
  readonly dataRoot: string
  readonly execRoot: string
}

/** `<data-root>`: what survives a reboot. */
export const databasePath = ({ dataRoot }: Roots): string => join(dataRoot, 'tallyman.db')
export const overlayRoot = ({ dataRoot }: Roots): string => join(dataRoot, 'overlay2')
export const layerPath = (roots: Roots, layer: string): string => join(overlayRoot(roots), layer)
export const imageRoot = ({ dataRoot }: Roots): string => join(dataRoot, 'image', 'overlay2')
export const temporaryRoot = ({ dataRoot }: Roots): string => join(dataRoot, 'tmp')
export const containersRoot = ({ dataRoot }: Roots): string => join(dataRoot, 'containers')
export const containerPath = (roots: Roots, id: string): string => join(containersRoot(roots), id)
export const logPath = (roots: Roots, id: string): string => join(containerPath(roots, id), `${id}-json.log`)

export const volumesRoot = ({ dataRoot }: Roots): string => join(dataRoot, 'volumes')
export const volumePath = (roots: Roots, name: string): string => join(volumesRoot(roots), name)
/** Where the files of a volume are. */
export const volumeDataPath = (roots: Pick<Roots, 'dataRoot'>, name: string): string =>
  join(roots.dataRoot, 'volumes', name, '_data')

/** `<exec-root>`: what is void after a reboot. */
export const supervisorRoot = ({ execRoot }: Roots): string => join(execRoot, 'libcontainerd', 'containerd')
export const bundlesRoot = ({ execRoot }: Roots): string => join(execRoot, 'libcontainerd')
export const bundlePath = (roots: Roots, id: string): string => join(bundlesRoot(roots), id)
export const runtimeRoot = ({ execRoot }: Roots): string => join(execRoot, 'runtime-runc')
export const apiSocketPath = ({ execRoot }: Roots): string => join(execRoot, 'docker.sock')
export const supervisorSocketPath = ({ execRoot }: Roots): string => join(execRoot, 'containerd.sock')

/** The merged root file system of a container and the two layers that belong to it alone. */
export const rootfsPath = (roots: Roots, id: string): string => join(layerPath(roots, id), 'merged')
export const initLayer = (id: string): string => `${id}-init`
