/** The text of a container's `/etc/hosts`, hosts(5), as Docker writes it for a container without an address of its own. */
import { isIP } from 'node:net'
import { badRequest } from '../errors.ts'

const standardLines = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'ff00::0\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
]

/** @param extraHosts `name:address` each. @throws TallyError bad-request for one that is not. */
export function hostsFile(extraHosts: readonly string[]): string {
  return [...standardLines, ...extraHosts.map(extraLine)].map((line) => `${line}\n`).join('')
}

/** An IPv6 address has colons itself, and may be in brackets. */
function extraLine(entry: string): string {
  const [, name, address = ''] = /^([^\s:]+):\[?([^\]]*)\]?$/.exec(entry) ?? []
  if (address === 'host-gateway') throw badRequest('unable to derive the IP value for host-gateway')
  if (name === undefined || isIP(address) === 0) throw badRequest(`invalid extra host: ${entry}`)
  return `${address}\t${name}`
}
