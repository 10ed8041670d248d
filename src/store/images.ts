/** The projection of images and of the tags that point to them. */
import { type Connection, prefixEnd, requireTransaction } from './connection.ts'
import type { Guard } from './errors.ts'
import type { ImageRow, ImageRows } from './port.ts'

type Stored = Readonly<Record<'id' | 'createdAt' | 'diffIds' | 'layers' | 'config', string>> & {
  readonly size: number
}

const select = 'SELECT id, size, created_at AS createdAt, diff_ids AS diffIds, layers, config FROM images'

export function openImages(connection: Connection, guard: Guard): ImageRows {
  return { ...openRows(connection, guard), ...openTags(connection, guard) }
}

function openRows(
  connection: Connection,
  guard: Guard,
): Pick<ImageRows, 'put' | 'delete' | 'byId' | 'byIdPrefix' | 'list'> {
  const upsert = connection.prepare(
    `INSERT INTO images (id, size, created_at, diff_ids, layers, config) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET size = excluded.size, created_at = excluded.created_at, diff_ids = excluded.diff_ids,
       layers = excluded.layers, config = excluded.config`,
  )
  const remove = connection.prepare<[string]>('DELETE FROM images WHERE id = ?')
  const byId = connection.prepare<[string], Stored>(`${select} WHERE id = ?`)
  const byPrefix = connection.prepare<[string, string, number], Stored>(
    `${select} WHERE id >= ? AND id < ? ORDER BY id LIMIT ?`,
  )
  const newestFirst = connection.prepare<[], Stored>(`${select} ORDER BY created_at DESC, id DESC`)

  return {
    put({ id, size, createdAt, diffIds, layers, config }) {
      requireTransaction(connection)
      const [diffIdsText, layersText, configText] = [diffIds, layers, config].map((value) =>
        JSON.stringify(value),
      )
      upsert.run(id, size, createdAt, diffIdsText, layersText, configText)
    },
    delete(id) {
      requireTransaction(connection)
      remove.run(id)
    },
    byId(id) {
      const stored = guard(() => byId.get(id))
      return stored && imageRow(stored)
    },
    byIdPrefix: (prefix, limit) => guard(() => byPrefix.all(prefix, prefixEnd(prefix), limit)).map(imageRow),
    list: () => guard(() => newestFirst.all()).map(imageRow),
  }
}

function openTags(
  connection: Connection,
  guard: Guard,
): Pick<ImageRows, 'setTag' | 'deleteTag' | 'imageOfTag' | 'tagsOf'> {
  const upsert = connection.prepare(
    'INSERT INTO tags (tag, image_id) VALUES (?, ?) ON CONFLICT (tag) DO UPDATE SET image_id = excluded.image_id',
  )
  const remove = connection.prepare<[string]>('DELETE FROM tags WHERE tag = ?')
  const imageOf = connection.prepare<[string], string>('SELECT image_id FROM tags WHERE tag = ?').pluck()
  const tagsOf = connection
    .prepare<[string], string>('SELECT tag FROM tags WHERE image_id = ? ORDER BY tag')
    .pluck()

  return {
    setTag(tag, imageId) {
      requireTransaction(connection)
      upsert.run(tag, imageId)
    },
    deleteTag(tag) {
      requireTransaction(connection)
      remove.run(tag)
    },
    imageOfTag: (tag) => guard(() => imageOf.get(tag)),
    tagsOf: (imageId) => guard(() => tagsOf.all(imageId)),
  }
}

function imageRow(stored: Stored): ImageRow {
  return {
    ...stored,
    diffIds: JSON.parse(stored.diffIds) as readonly string[],
    layers: JSON.parse(stored.layers) as readonly string[],
    config: JSON.parse(stored.config) as unknown,
  }
}
