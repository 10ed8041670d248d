/**
 * The body of `POST /containers/create`. Clients write null, as Go does, for whatever they don't set, and fields of newer and older API
 * versions besides: only the shape of the fields that are acted on is checked, the rest is let through.
 */
import Type, { type Static, type TSchema } from 'typebox'

const orNull = <T extends TSchema>(type: T) => Type.Optional(Type.Union([type, Type.Null()]))

const Flag = orNull(Type.Boolean())
const Text = orNull(Type.String())
const Whole = orNull(Type.Integer())
const Texts = orNull(Type.Array(Type.String()))
const TextMap = orNull(Type.Record(Type.String(), Type.String()))
const Keys = orNull(Type.Record(Type.String(), Type.Object({})))
/** Also one string, which then is the only word. */
const Words = orNull(Type.Union([Type.Array(Type.String()), Type.String()]))

const Throttles = orNull(Type.Array(Type.Object({ Path: Type.String(), Rate: Type.Integer() })))
const Ulimits = orNull(
  Type.Array(Type.Object({ Name: Type.String(), Soft: Type.Integer(), Hard: Type.Integer() })),
)
const RestartPolicy = orNull(Type.Object({ Name: Text, MaximumRetryCount: Whole }))
const LogConfig = orNull(Type.Object({ Type: Text, Config: TextMap }))
const Mounts = orNull(
  Type.Array(
    Type.Object({
      Type: Type.String(),
      Source: Text,
      Target: Text,
      ReadOnly: Flag,
      BindOptions: orNull(Type.Object({ Propagation: Text })),
      TmpfsOptions: orNull(Type.Object({ SizeBytes: Whole, Mode: Whole })),
    }),
  ),
)

export const HostConfigBody = Type.Object({
  Binds: Texts,
  Mounts,
  NetworkMode: Text,
  AutoRemove: Flag,
  RestartPolicy,
  LogConfig,
  CapAdd: Texts,
  CapDrop: Texts,
  Privileged: Flag,
  ReadonlyRootfs: Flag,
  SecurityOpt: Texts,
  Dns: Texts,
  DnsOptions: Texts,
  DnsSearch: Texts,
  ExtraHosts: Texts,
  GroupAdd: Texts,
  Tmpfs: TextMap,
  ShmSize: Whole,
  Sysctls: TextMap,
  Ulimits,
  Runtime: Text,
  CgroupParent: Text,
  OomScoreAdj: Whole,
  OomKillDisable: Flag,
  Memory: Whole,
  MemoryReservation: Whole,
  MemorySwap: Whole,
  MemorySwappiness: Whole,
  KernelMemory: Whole,
  NanoCpus: Whole,
  CpuShares: Whole,
  CpuPeriod: Whole,
  CpuQuota: Whole,
  CpusetCpus: Text,
  CpusetMems: Text,
  PidsLimit: Whole,
  BlkioWeight: Whole,
  BlkioDeviceReadBps: Throttles,
  BlkioDeviceWriteBps: Throttles,
  BlkioDeviceReadIOps: Throttles,
  BlkioDeviceWriteIOps: Throttles,
  Init: Flag,
  ConsoleSize: orNull(Type.Array(Type.Integer({ minimum: 0, maximum: 65535 }), { minItems: 2, maxItems: 2 })),
  MaskedPaths: Texts,
  ReadonlyPaths: Texts,
})

const ContainerBody = Type.Object({
  Hostname: Text,
  Domainname: Text,
  User: Text,
  AttachStdin: Flag,
  AttachStdout: Flag,
  AttachStderr: Flag,
  ExposedPorts: Keys,
  Tty: Flag,
  OpenStdin: Flag,
  StdinOnce: Flag,
  Env: Texts,
  Cmd: Words,
  Image: Text,
  Volumes: Keys,
  WorkingDir: Text,
  Entrypoint: Words,
  Labels: TextMap,
  StopSignal: Text,
  StopTimeout: Whole,
  HostConfig: orNull(HostConfigBody),
  NetworkingConfig: orNull(
    Type.Object({ EndpointsConfig: orNull(Type.Record(Type.String(), Type.Unknown())) }),
  ),
})

export const CreateBody = Type.Union([ContainerBody, Type.Null()])

/** The body of `POST /commit`: the config alone. */
export const CommitBody = Type.Optional(
  Type.Union([Type.Omit(ContainerBody, ['HostConfig', 'NetworkingConfig']), Type.Null()]),
)

export type CommitBody = Static<typeof CommitBody>
export type ContainerBody = Static<typeof ContainerBody>
export type CreateBody = Static<typeof CreateBody>
