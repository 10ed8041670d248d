/** What an archive says of each image in it, whichever of the two formats it is in. */
import { badRequest } from '../errors.ts'
import type { ImageArchive } from './archive.ts'
import { readDockerArchive } from './docker-archive.ts'
import { readOciLayout } from './oci-layout.ts'
import type { PlannedImage } from './planned-image.ts'

/** @throws TallyError bad-request for an archive that is neither, or whose parts do not fit together. */
export async function planLoad(archive: ImageArchive): Promise<readonly PlannedImage[]> {
  if (archive.has('manifest.json')) return await readDockerArchive(archive)
  if (archive.has('index.json')) return await readOciLayout(archive)
  throw badRequest('this is neither a docker-archive (manifest.json) nor an OCI layout (index.json)')
}
