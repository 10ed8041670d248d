/** What EXPOSE makes of `80`, `8000-8010/udp` or `127.0.0.1:80:8080`. */
import { badRequest } from '../errors.ts'

const MAX_PORT = 65535

/** @returns `port/protocol` for each port inside the container. @throws TallyError bad-request in Docker's words. */
export function exposedPorts(specification: string): readonly string[] {
  const { container, protocol } = parse(specification)
  if (container === '') throw badRequest(`No port specified: ${specification}<empty>`)
  const [first, last] = range(container)
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) throw badRequest(`Invalid proto: ${protocol}`)
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol.toLowerCase()}`)
}

function parse(specification: string): { readonly container: string; readonly protocol: string } {
  const [ports = '', protocol = ''] = specification.split('/')
  return { container: ports.split(':').at(-1) ?? '', protocol: protocol === '' ? 'tcp' : protocol }
}

function range(container: string): readonly [first: number, last: number] {
  const [, start, end = start] = /^(\d+)(?:-(\d+))?$/.exec(container) ?? []
  const [first, last] = [Number(start), Number(end)]
  if (start === undefined || first > last || last > MAX_PORT)
    throw badRequest(`Invalid containerPort: ${container}`)
  return [first, last]
}
