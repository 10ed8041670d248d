/** The container in a path: a name, an id or the beginning of one. */
import Type from 'typebox'

export const ContainerParams = Type.Object({ id: Type.String() })
