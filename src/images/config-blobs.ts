/** The configs of all images, byte for byte as they came: `<image root>/imagedb/content/sha256/<hex>`, as Docker keeps them. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from './durable.ts'
import type { ConfigBlob } from './image-config.ts'
import type { Workspace } from './workspace.ts'

export interface ConfigBlobs {
  /** Safe against a power cut when it resolves. */
  put(config: ConfigBlob): Promise<void>
  /** Nothing there is fine. */
  remove(imageId: string): Promise<void>
  /** Removes all others. */
  keepOnly(imageIds: ReadonlySet<string>): Promise<void>
}

export async function openConfigBlobs(imageRoot: string, workspace: Workspace): Promise<ConfigBlobs> {
  const root = join(imageRoot, 'imagedb', 'content', 'sha256')
  await mkdir(root, { recursive: true, mode: 0o700 })
  const remove = (imageId: string) => rm(join(root, hexOf(imageId)), { force: true })
  return {
    async put({ id, bytes }) {
      await using aside = await workspace.directory('config')
      await writeDurably(join(root, hexOf(id)), bytes, aside.path)
    },
    remove,
    async keepOnly(imageIds) {
      const others = (await readdir(root)).filter((hex) => !imageIds.has(`sha256:${hex}`))
      await Promise.all(others.map(remove))
    },
  }
}

const hexOf = (imageId: string): string => imageId.replace(/^sha256:/, '')
