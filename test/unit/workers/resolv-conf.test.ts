import { describe, expect, it } from 'vitest'
import { hostsFile } from '../../../src/workers/hosts-file.ts'
import { isSystemdStub, resolvConfFrom, resolvConfWith } from '../../../src/workers/resolv-conf.ts'

const nothing = { servers: [], search: [], options: [] }

/** Expectations were read from what dockerd 20.10 wrote for the same host file. */
describe('resolv.conf derived from the host', () => {
  it('drops the name servers on the loopback and keeps all the rest as it is', () => {
    expect(
      resolvConfFrom('# c1\nnameserver 127.0.0.1\nnameserver 1.1.1.1\n; c2\noptions ndots:2\nsearch a.b\n'),
    ).toBe('# c1\nnameserver 1.1.1.1\n; c2\noptions ndots:2\nsearch a.b\n')
  })

  it('drops IPv6 name servers', () => {
    expect(
      resolvConfFrom(
        'nameserver ::1\nnameserver fe80::1%eth0\nnameserver 2001:db8::1\nnameserver 9.9.9.9 # tail\ndomain z.z\n',
      ),
    ).toBe('nameserver 9.9.9.9 # tail\ndomain z.z\n')
  })

  it('takes public name servers when none is left', () => {
    expect(resolvConfFrom('nameserver 127.0.0.1\nsearch a.b\n')).toBe(
      'search a.b\n\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n',
    )
    expect(resolvConfFrom('')).toBe('\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n')
  })

  it('keeps odd spacing and a missing last newline', () => {
    expect(resolvConfFrom('  nameserver\t 9.9.9.9\n\n\nsearch   a  b')).toBe(
      '  nameserver\t 9.9.9.9\n\n\nsearch   a  b',
    )
    expect(resolvConfFrom('nameserver 9.9.9.9')).toBe('nameserver 9.9.9.9')
  })
})

describe('resolv.conf with options', () => {
  it('writes search, name servers, options in this order', () => {
    const given = { servers: ['9.9.9.9'], search: ['example.com'], options: ['ndots:3'] }
    expect(resolvConfWith(given, 'nameserver 1.1.1.1\n')).toBe(
      'search example.com\nnameserver 9.9.9.9\noptions ndots:3\n',
    )
  })

  it('takes over from the host what is not given, its loopback name server too', () => {
    const host = 'nameserver 127.0.0.1\nsearch a.b\n'
    expect(resolvConfWith({ ...nothing, search: ['x.y'] }, host)).toBe('search x.y\nnameserver 127.0.0.1\n')
  })

  it('takes the last search line of the host and the name servers without their comments', () => {
    const host = '  nameserver\t 9.9.9.9 # x\nnameserver 8.8.8.8\nsearch   a  b\nsearch c\noptions x  y\n'
    expect(resolvConfWith({ ...nothing, options: ['k'] }, host)).toBe(
      'search c\nnameserver 9.9.9.9\nnameserver 8.8.8.8\noptions k\n',
    )
  })

  it('takes a dot for no search list, and leaves out an empty option', () => {
    const host = 'nameserver 9.9.9.9\nsearch a\n'
    expect(resolvConfWith({ ...nothing, search: ['.'] }, host)).toBe('nameserver 9.9.9.9\n')
    expect(resolvConfWith({ ...nothing, servers: ['1.2.3.4'], options: [''] }, 'options x\n')).toBe(
      'nameserver 1.2.3.4\n',
    )
  })
})

describe('isSystemdStub', () => {
  it('holds only where the stub is the one name server', () => {
    expect(isSystemdStub('nameserver 127.0.0.53\noptions edns0\n')).toBe(true)
    expect(isSystemdStub('nameserver 127.0.0.53\nnameserver 1.1.1.1\n')).toBe(false)
    expect(isSystemdStub('# nameserver 127.0.0.53\n')).toBe(false)
  })
})

describe('hosts', () => {
  it('begins with the lines that every container has and adds the extra ones', () => {
    expect(hostsFile(['a:1.2.3.4', 'b:::1', 'c:[fd00::2]'])).toBe(
      '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n' +
        'ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n' +
        '1.2.3.4\ta\n::1\tb\nfd00::2\tc\n',
    )
  })

  it.each(['a', 'a:', ':1.2.3.4', 'a b:1.2.3.4', 'a\nb:1.2.3.4', 'a:1.2.3.4\n5.6.7.8 evil'])(
    'refuses %j',
    (entry) => {
      expect(() => hostsFile([entry])).toThrow(expect.objectContaining({ code: 'bad-request' }))
    },
  )

  it('has no gateway to name without a bridge', () => {
    expect(() => hostsFile(['a:host-gateway'])).toThrow('unable to derive the IP value for host-gateway')
  })
})
