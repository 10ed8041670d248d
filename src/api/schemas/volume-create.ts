/** The body of `POST /volumes/create`. Clients write null for what they don't set. */
import Type from 'typebox'

const Text = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const TextMap = Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]))

export const VolumeBody = Type.Union([
  Type.Object({ Name: Text, Driver: Text, DriverOpts: TextMap, Labels: TextMap }),
  Type.Null(),
])
