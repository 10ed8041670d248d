import { describe, expect, it } from 'vitest'
import { legacy } from '../../../src/kernel/cgroups.ts'
import { parseMountinfo } from '../../../src/kernel/mountinfo.ts'

describe('parseMountinfo', () => {
  it('takes any number of optional fields for propagation', () => {
    const [plain, shared] = parseMountinfo(
      '36 35 98:0 /mnt1 /mnt2 rw,noatime - ext3 /dev/root rw,errors=continue\n' +
        '37 35 98:0 / /mnt3 rw master:1 propagate_from:2 - ext3 /dev/root rw\n',
    )
    expect(plain).toEqual({
      id: 36,
      parent: 35,
      root: '/mnt1',
      target: '/mnt2',
      type: 'ext3',
      source: '/dev/root',
      flags: ['rw', 'noatime'],
      options: ['rw', 'errors=continue'],
      propagation: [],
    })
    expect(shared?.propagation).toEqual(['master:1', 'propagate_from:2'])
  })

  it('reads spaces, backslashes and text like an escape as the path has them', () => {
    const [mount] = parseMountinfo(
      `${String.raw`1 0 0:1 / /a\040b\134040\134c\011d rw - tmpfs my\040source rw`}\n`,
    )
    expect(mount?.target).toBe('/a b\\040\\c\td')
    expect(mount?.source).toBe('my source')
  })

  it('keeps a comma inside an option apart from the commas between options', () => {
    const [mount] = parseMountinfo(
      `${String.raw`1 0 0:1 / /m rw - overlay overlay rw,upperdir=/a\054b,workdir=/w`}\n`,
    )
    expect(mount?.options).toEqual(['rw', 'upperdir=/a,b', 'workdir=/w'])
  })
})

describe('legacy cgroups', () => {
  const v1 = '33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n'
  const named = '34 30 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n'
  const unified = '35 30 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n'

  it('finds every controller of a shared hierarchy and none in a named one', () => {
    expect([...legacy(parseMountinfo(v1 + named)).controllers]).toEqual([
      ['cpu', '/sys/fs/cgroup/cpu,cpuacct'],
      ['cpuacct', '/sys/fs/cgroup/cpu,cpuacct'],
    ])
  })

  it('tells hybrid from v1 by a v2 hierarchy beside it', () => {
    expect(legacy(parseMountinfo(v1)).version).toBe('v1')
    expect(legacy(parseMountinfo(v1 + unified)).version).toBe('hybrid')
  })
})
