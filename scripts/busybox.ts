/** A root file system made of the host's static busybox: the image of the demo, the end-to-end tests and the benchmarks. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A tar of a root file system that holds the host's static busybox and its applets. */
export function busyboxArchive(): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'tally-busybox-'))
  try {
    const script = `
      mkdir -p bin etc tmp root home/app; chmod 1777 tmp
      cp "$(command -v busybox)" bin/busybox
      for applet in $(bin/busybox --list); do [ -e bin/$applet ] || ln -s busybox bin/$applet; done
      printf 'root:x:0:0:root:/root:/bin/sh\\napp:x:1000:1000::/home/app:/bin/sh\\n' >etc/passwd
      printf 'root:x:0:\\napp:x:1000:\\nextra:x:2000:app\\n' >etc/group
      chown 1000:1000 home/app`
    execFileSync('sh', ['-ec', script], { cwd: directory })
    return execFileSync('tar', ['-C', directory, '-c', '.'], { maxBuffer: 64 * 1024 * 1024 })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
