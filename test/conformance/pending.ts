/** Sessions that need what is not built yet. One that comes out the same on both daemons has to go from here. */
export const pending: ReadonlySet<string> = new Set([
  'health',
  'mounts',
  'dockerode: saving',
  'docker-py: saving',
  'dockerode: freezing and figures',
  'dockerode: volumes',
  'docker-py: freezing',
  'docker-py: volumes',
])
