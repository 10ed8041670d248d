/** Sessions that need what is not built yet. One that comes out the same on both daemons has to go from here. */
export const pending: ReadonlySet<string> = new Set([
  'pause',
  'restart policies',
  'update',
  'health',
  'exec',
  'mounts',
  'dockerode: saving',
  'docker-py: saving',
  'dockerode: freezing and figures',
  'dockerode: exec',
  'dockerode: volumes',
  'docker-py: freezing',
  'docker-py: execs',
  'docker-py: volumes',
])
