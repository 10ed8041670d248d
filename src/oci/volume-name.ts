/** What a volume may be called: the rule of Docker's local driver. */
import { badRequest } from '../errors.ts'

export const isVolumeName = (name: string): boolean => /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)

/** @throws TallyError bad-request in Docker's wording */
export function checkVolumeName(name: string): void {
  if (name.length === 1)
    throw badRequest(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    )
  if (!isVolumeName(name))
    throw badRequest(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    )
}
