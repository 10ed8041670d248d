/** Our .proto text against the descriptors that the real ctr carries: what both have must be the same on the wire. */
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { loadFileDescriptorSetFromBuffer, loadSync, type PackageDefinition } from '@grpc/proto-loader'
import { expect, test as it } from 'vitest'

const directory = join(import.meta.dirname, '../../../proto')

interface Field {
  readonly name: string
  readonly number: number
  readonly type: string
  readonly label: string
  readonly typeName: string
}

it('speaks as containerd does', () => {
  const ours = loadSync(globSync('**/*.proto', { cwd: directory }), {
    includeDirs: [directory],
    keepCase: true,
  })
  const theirs = loadFileDescriptorSetFromBuffer(descriptorSet())
  const names = Object.keys(ours).filter((name) => /^(containerd|grpc|io)\./.test(name))
  expect(names.length).toBeGreaterThan(60)
  for (const name of names) expect(theirs, name).toHaveProperty([name])
  const differing = names.flatMap((name) => differences(name, ours, theirs))
  expect(differing).toEqual([])
})

/** Fields of a message and methods of a service that they have not or have otherwise. */
function differences(name: string, ours: PackageDefinition, theirs: PackageDefinition): readonly string[] {
  const wanted = new Set(lines(theirs, name))
  return lines(ours, name)
    .filter((line) => !wanted.has(line))
    .map((line) => `${name}: ${line}`)
}

function lines(definitions: PackageDefinition, name: string): readonly string[] {
  const definition = definitions[name]
  if (definition === undefined) return []
  if (!('format' in definition))
    return Object.values(definition).map(({ path, responseStream }) => `${path} ${responseStream}`)
  const { field = [], value = [] } = definition.type as { field?: readonly Field[]; value?: readonly Field[] }
  return [...field, ...value].map(
    ({ name, number, type, label, typeName }) => `${name} ${number} ${type} ${label} ${lastWord(typeName)}`,
  )
}

/** One tool writes a type's name whole, the other as short as it can; one says `Entry` of what maps are made of. */
const lastWord = (typeName: string | undefined): string =>
  typeName
    ?.split('.')
    .at(-1)
    ?.replace(/Entry$/, '') ?? ''

/** Go programs carry their descriptors compressed. @returns a FileDescriptorSet: field 1, length, file; again and again. */
function descriptorSet(): Buffer {
  const path = execFileSync('sh', ['-c', 'command -v ctr'], { encoding: 'utf8' }).trim()
  const binary = readFileSync(path)
  const files = new Map(gzipped(binary).map((file) => [fileName(file), file]))
  const parts = [...files].filter(([name]) => wanted.test(name)).map(([, file]) => file)
  return Buffer.concat(parts.flatMap((file) => [Buffer.from([0x0a, ...varint(file.length)]), file]))
}

/** Field 1 of a FileDescriptorProto, which comes first. */
const fileName = (file: Buffer): string => file.toString('latin1', 2, 2 + (file[1] ?? 0))

const wanted =
  /^(google\/(protobuf\/(any|timestamp|empty|field_mask)|rpc\/status)|grpc\/health|github\.com\/containerd\/(containerd\/api\/(types|services\/(tasks|containers|events|version|namespaces|leases|introspection)|events)|cgroups\/(v2\/)?stats))/

function gzipped(binary: Buffer): readonly Buffer[] {
  const magic = Buffer.from([0x1f, 0x8b, 0x08])
  const found: Buffer[] = []
  for (let at = binary.indexOf(magic); at >= 0; at = binary.indexOf(magic, at + 1)) {
    const file = unzip(binary.subarray(at, at + 65536))
    if (file?.[0] === 0x0a) found.push(file)
  }
  return found
}

/** undefined for bytes that only look like it. */
function unzip(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { finishFlush: 2 })
  } catch {
    return undefined
  }
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}
