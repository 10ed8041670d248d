/** Sessions that need what is not built yet. One that comes out the same on both daemons has to go from here. */
export const pending: ReadonlySet<string> = new Set([
  'stop',
  'pause',
  'restart policies',
  'update',
  'top',
  'health',
  'prune',
  'terminal',
  'stdin of run',
  'exec',
  'attach',
  'process',
  'security',
  'namespaces',
  'resources',
  'mounts',
])
