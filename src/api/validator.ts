/** Checks requests against their TypeBox schema as they are: nothing is converted, removed or filled in. */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

declare module 'fastify' {
  interface FastifySchema {
    /** As in Docker's API description. */
    operationId?: string
  }
}

export const schemaValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart = 'request' }) => {
  const validator = Compile(schema)
  return (value: unknown) => {
    if (validator.Check(value)) return { value }
    const [first] = validator.Errors(value)
    return { error: new Error(complaint(httpPart, first)) }
  }
}

function complaint(part: string, error: { instancePath: string; message: string } | undefined): string {
  const field = error?.instancePath.slice(1).replaceAll('/', '.') ?? ''
  return `invalid ${part}: ${field === '' ? '' : `${field} `}${error?.message ?? 'not as expected'}`
}
