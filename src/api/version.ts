/** API versions: the `/v1.41` before a path, and which of them are served. All of them are served as the newest. */

const prefix = /^\/v(\d[\d.]*)(?=[/?]|$)/

/** The version in front of a path; undefined if there is none. */
export const requestedVersion = (url: string): string | undefined => prefix.exec(url)?.[1]

export function withoutVersion(url: string): string {
  const path = url.replace(prefix, '')
  return path.startsWith('/') ? path : `/${path}`
}

export interface ServedVersions {
  readonly apiVersion: string
  readonly minApiVersion: string
}

/** Why a version is not served, in Docker's words, and which of both it is, as Docker answers them in different forms. */
export function versionComplaint(
  version: string,
  { apiVersion, minApiVersion }: ServedVersions,
): { readonly kind: 'too-new' | 'too-old'; readonly message: string } | undefined {
  if (isLess(apiVersion, version)) {
    const message = `client version ${version} is too new. Maximum supported API version is ${apiVersion}`
    return { kind: 'too-new', message }
  }
  if (!isLess(version, minApiVersion)) return undefined
  const advice = 'please upgrade your client to a newer version'
  const message = `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, ${advice}`
  return { kind: 'too-old', message }
}

function isLess(a: string, b: string): boolean {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number)
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number)
  return aMajor === bMajor ? aMinor < bMinor : aMajor < bMajor
}
