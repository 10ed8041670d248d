/** The projection of volumes: what `docker volume ls` reads. */
import { type Connection, requireTransaction } from './connection.ts'
import type { Guard } from './errors.ts'
import type { VolumeRow, VolumeRows } from './port.ts'

type Stored = Readonly<Record<'name' | 'createdAt' | 'labels' | 'options', string>> & {
  readonly anonymousOf: string | null
}

const select =
  'SELECT name, created_at AS createdAt, labels, options, anonymous_of AS anonymousOf FROM volumes'

export function openVolumes(connection: Connection, guard: Guard): VolumeRows {
  const upsert = connection.prepare(
    'INSERT OR REPLACE INTO volumes (name, created_at, labels, options, anonymous_of) VALUES (?, ?, ?, ?, ?)',
  )
  const remove = connection.prepare<[string]>('DELETE FROM volumes WHERE name = ?')
  const byName = connection.prepare<[string], Stored>(`${select} WHERE name = ?`)
  const all = connection.prepare<[], Stored>(`${select} ORDER BY name`)
  return {
    put({ name, createdAt, labels, options, anonymousOf }) {
      requireTransaction(connection)
      upsert.run(name, createdAt, JSON.stringify(labels), JSON.stringify(options), anonymousOf ?? null)
    },
    delete(name) {
      requireTransaction(connection)
      remove.run(name)
    },
    byName(name) {
      const stored = guard(() => byName.get(name))
      return stored && volumeRow(stored)
    },
    list: () => guard(() => all.all()).map(volumeRow),
  }
}

function volumeRow({ name, createdAt, labels, options, anonymousOf }: Stored): VolumeRow {
  return {
    name,
    createdAt,
    labels: JSON.parse(labels) as VolumeRow['labels'],
    options: JSON.parse(options) as VolumeRow['options'],
    ...(anonymousOf !== null && { anonymousOf }),
  }
}
