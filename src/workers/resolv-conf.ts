/** The text of a container's `/etc/resolv.conf`, resolv.conf(5), by Docker's rules. */

/** `--dns`, `--dns-search` and `--dns-option`. */
export interface DnsOptions {
  readonly servers: readonly string[]
  readonly search: readonly string[]
  readonly options: readonly string[]
}

const publicServers = ['8.8.8.8', '8.8.4.4']

/** What is given replaces what the host has of its kind; the rest is taken over, localhost's name servers too. */
export function resolvConfWith(given: DnsOptions, host: string): string {
  const servers = orElse(given.servers, valuesOf(host, 'nameserver'))
  const search = orElse(given.search, words(valuesOf(host, 'search').at(-1)))
  const options = orElse(given.options, words(valuesOf(host, 'options').at(-1)))
  return [
    ...line('search', search.join(' ').trim() === '.' ? [] : search),
    ...servers.flatMap((server) => line('nameserver', [server])),
    ...line('options', options),
  ].join('')
}

/**
 * The host's file for a network namespace of its own, in which the host's loopback is out of reach: without name servers on it, and without
 * IPv6 ones. If none is left, Docker's public ones.
 */
export function resolvConfFrom(host: string): string {
  const kept = host
    .split(/(?<=\n)/)
    .filter((text) => !isUnreachableServer(text))
    .join('')
  if (valuesOf(kept, 'nameserver').length > 0) return kept
  return `${kept}\n${publicServers.map((server) => `nameserver ${server}\n`).join('')}`
}

/** Whether the file names nothing but systemd-resolved's stub; then its real servers are in /run/systemd/resolve/resolv.conf. */
export function isSystemdStub(host: string): boolean {
  const servers = valuesOf(host, 'nameserver')
  return servers.length === 1 && servers[0] === '127.0.0.53'
}

const orElse = (given: readonly string[], other: readonly string[]): readonly string[] =>
  given.length > 0 ? given : other

const line = (keyword: string, values: readonly string[]): readonly string[] => {
  const text = values.filter((value) => value !== '').join(' ')
  return text === '' ? [] : [`${keyword} ${text}\n`]
}

/** A comment begins with `#` or `;` in the first column, or with `#` after the values. */
function valuesOf(text: string, keyword: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [first, ...rest] = words(line.replace(/^;.*|#.*/, ''))
    if (first !== keyword || rest.length === 0) return []
    return [keyword === 'nameserver' ? (rest[0] ?? '') : rest.join(' ')]
  })
}

function isUnreachableServer(line: string): boolean {
  const [server = ''] = valuesOf(line, 'nameserver')
  return server.startsWith('127.') || server.includes(':')
}

const words = (text = ''): readonly string[] => text.split(/\s+/).filter((word) => word !== '')
