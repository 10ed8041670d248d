/** The .proto files in `proto/`, loaded once. Their types are generated from the same files by `npm run build:proto`. */
import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader'
import type { ProtoGrpcType as CgroupsV1 } from '../../../build/proto/cgroups_v1.ts'
import type { ProtoGrpcType as CgroupsV2 } from '../../../build/proto/cgroups_v2.ts'
import type { ProtoGrpcType as ContainerEvents } from '../../../build/proto/container_events.ts'
import type { ProtoGrpcType as Containers } from '../../../build/proto/containers.ts'
import type { ProtoGrpcType as Events } from '../../../build/proto/events.ts'
import type { Any } from '../../../build/proto/google/protobuf/Any.ts'
import type { ProtoGrpcType as Health } from '../../../build/proto/health.ts'
import type { ProtoGrpcType as Introspection } from '../../../build/proto/introspection.ts'
import type { ProtoGrpcType as Leases } from '../../../build/proto/leases.ts'
import type { ProtoGrpcType as Namespaces } from '../../../build/proto/namespace.ts'
import type { ProtoGrpcType as Supervisor } from '../../../build/proto/supervisor.ts'
import type { ProtoGrpcType as TaskEvents } from '../../../build/proto/task_events.ts'
import type { ProtoGrpcType as Tasks } from '../../../build/proto/tasks.ts'
import type { ProtoGrpcType as Version } from '../../../build/proto/version.ts'

type Proto = CgroupsV1 &
  CgroupsV2 &
  Containers &
  Events &
  Health &
  Introspection &
  Leases &
  Namespaces &
  Supervisor
type Packages = Proto & ContainerEvents & TaskEvents & Tasks & Version

const directory = fileURLToPath(new URL('../../../proto', import.meta.url))

const definitions = loadSync(globSync('**/*.proto', { cwd: directory }), {
  includeDirs: [directory],
  longs: Number,
  enums: String,
  defaults: true,
})

/** Messages and services by their full names. */
export const proto = loadPackageDefinition(definitions) as unknown as Packages

/** A message as what `google.protobuf.Any` carries, named as containerd names it: without a host. */
export function pack<T>(name: string, type: MessageTypeDefinition<T, unknown>, message: T): Any {
  return { type_url: name, value: type.serialize(message) }
}

/** A JSON document as containerd packs it, for instance an OCI config.json. */
export function packJson(name: string, text: string): Any {
  return { type_url: `types.containerd.io/${name}`, value: Buffer.from(text) }
}
