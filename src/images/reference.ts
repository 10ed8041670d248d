/** Names of images as Docker reads and writes them (the grammar of github.com/distribution/reference). */
import { badRequest, type TallyError } from '../errors.ts'

export interface NamedReference {
  /** `docker.io` if none was written. */
  readonly domain: string
  /** `library/busybox` for Docker's own images. */
  readonly path: string
  readonly tag?: string
  /** `sha256:` + hex. */
  readonly digest?: string
}

/** What stands where a user may write a name or an id. */
export type AnyReference =
  | { readonly kind: 'named'; readonly name: NamedReference }
  | { readonly kind: 'id'; readonly id: string }

const DEFAULT_DOMAIN = 'docker.io'
const OFFICIAL = 'library/'
const MAX_NAME = 255
const SHORT_ID = 12

const domainPart = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const domainPattern = `(?:${domainPart}(?:\\.${domainPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`
const pathPart = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const tagPattern = '\\w[\\w.-]{0,127}'
const digestPattern = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}'
const reference = new RegExp(
  `^(${domainPattern})/(${pathPart}(?:/${pathPart})*)(?::(${tagPattern}))?(?:@(${digestPattern}))?$`,
)
const tagOnly = new RegExp(`^${tagPattern}$`)
const sha256 = /^sha256:[0-9a-f]{64}$/
const identifier = /^[0-9a-f]{64}$/

/** @throws TallyError bad-request in Docker's words. */
export function parseName(text: string): NamedReference {
  if (identifier.test(text))
    throw badRequest(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`)
  const { domain, remainder } = splitDomain(text)
  const remoteName = remainder.split(':', 1)[0] ?? ''
  if (remoteName !== remoteName.toLowerCase()) throw invalidFormat('repository name must be lowercase')
  const [, host, path, tag, digest] = reference.exec(`${domain}/${remainder}`) ?? []
  if (host === undefined || path === undefined) throw invalidFormat()
  if (host.length + 1 + path.length > MAX_NAME)
    throw badRequest(`repository name must not be more than ${MAX_NAME} characters`)
  if (digest !== undefined && !sha256.test(digest)) throw badRequest('invalid checksum digest length')
  return { domain: host, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }
}

/** A name, or an id written in full with or without `sha256:`. @throws TallyError bad-request. */
export function parseAny(text: string): AnyReference {
  if (identifier.test(text)) return { kind: 'id', id: `sha256:${text}` }
  if (sha256.test(text)) return { kind: 'id', id: text }
  return { kind: 'named', name: parseName(text) }
}

/** A repository without its tag and, if `tag` is not empty, that tag. @throws TallyError bad-request. */
export function withTag(repository: string, tag: string): NamedReference {
  const name = parseName(repository)
  if (tag === '') return name
  if (!tagOnly.test(tag)) throw badRequest('invalid tag format')
  return { domain: name.domain, path: name.path, tag }
}

/** Adds `latest` where there is neither tag nor digest. */
export const tagged = (name: NamedReference): NamedReference =>
  name.tag === undefined && name.digest === undefined ? { ...name, tag: 'latest' } : name

/** The short form that Docker shows: `busybox:latest` for `docker.io/library/busybox:latest`. */
export function familiar(name: NamedReference): string {
  const tag = name.tag === undefined ? '' : `:${name.tag}`
  const digest = name.digest === undefined ? '' : `@${name.digest}`
  return `${familiarName(name)}${tag}${digest}`
}

/** What Docker writes where an image has to be short: the first twelve digits. */
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, SHORT_ID)

/** Whether `text` is the id or a beginning of it, with or without `sha256:`. */
export const isIdPrefix = (id: string, text: string): boolean =>
  id.startsWith(text) || id.replace(/^sha256:/, '').startsWith(text)

function familiarName({ domain, path }: NamedReference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`
  const official = path.startsWith(OFFICIAL) && !path.slice(OFFICIAL.length).includes('/')
  return official ? path.slice(OFFICIAL.length) : path
}

function splitDomain(text: string): { readonly domain: string; readonly remainder: string } {
  const slash = text.indexOf('/')
  const first = text.slice(0, Math.max(slash, 0))
  if (slash < 0 || !looksLikeDomain(first)) return { domain: DEFAULT_DOMAIN, remainder: official(text) }
  const remainder = text.slice(slash + 1)
  if (first === DEFAULT_DOMAIN || first === 'index.docker.io')
    return { domain: DEFAULT_DOMAIN, remainder: official(remainder) }
  return { domain: first, remainder }
}

const looksLikeDomain = (first: string): boolean =>
  /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase()

const official = (remainder: string): string =>
  remainder.includes('/') ? remainder : `${OFFICIAL}${remainder}`

const invalidFormat = (detail?: string): TallyError =>
  badRequest(detail === undefined ? 'invalid reference format' : `invalid reference format: ${detail}`)
