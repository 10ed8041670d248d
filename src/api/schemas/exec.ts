/** The bodies of `POST /containers/{id}/exec` and `POST /exec/{id}/start`. Clients write null for what they don't set. */
import Type, { type TSchema } from 'typebox'

const orNull = <T extends TSchema>(type: T) => Type.Optional(Type.Union([type, Type.Null()]))

const Flag = orNull(Type.Boolean())
const Text = orNull(Type.String())
const Texts = orNull(Type.Array(Type.String()))

export const ExecBody = Type.Object({
  Cmd: Texts,
  Env: Texts,
  User: Text,
  WorkingDir: Text,
  Privileged: Flag,
  Tty: Flag,
  AttachStdin: Flag,
  AttachStdout: Flag,
  AttachStderr: Flag,
  DetachKeys: Text,
})

export const ExecStartBody = Type.Object({
  Detach: Flag,
  Tty: Flag,
  ConsoleSize: orNull(Type.Array(Type.Integer({ minimum: 0, maximum: 65_535 }))),
})
