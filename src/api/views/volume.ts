/** A volume in Docker's words. */
import { type Roots, volumeDataPath } from '../../paths.ts'
import type { Volume } from '../../volumes/port.ts'

export interface VolumeView {
  readonly CreatedAt: string
  readonly Driver: string
  readonly Labels: Volume['labels']
  readonly Mountpoint: string
  readonly Name: string
  readonly Options: Volume['options']
  readonly Scope: string
}

/** Docker tells whole seconds here. */
export function volumeView(
  roots: Pick<Roots, 'dataRoot'>,
  { name, createdAt, labels, options }: Volume,
): VolumeView {
  return {
    CreatedAt: createdAt.replace(/\.\d+/, ''),
    Driver: 'local',
    Labels: labels,
    Mountpoint: volumeDataPath(roots, name),
    Name: name,
    Options: options,
    Scope: 'local',
  }
}
