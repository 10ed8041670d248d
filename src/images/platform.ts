/** This machine's platform in the words of the OCI image spec (Go's GOARCH). */

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

export interface Platform {
  readonly architecture: string
  readonly os: string
}

export const ownPlatform: Platform = {
  architecture: architectures[process.arch] ?? process.arch,
  os: 'linux',
}
