/** Sessions that need what is not built yet. One that comes out the same on both daemons has to go from here. */
export const pending: ReadonlySet<string> = new Set([
  'pause',
  'restart policies',
  'update',
  'health',
  'terminal',
  'stdin of run',
  'exec',
  'attach',
  'volumes',
  'copy-up into a volume',
  'mounts',
])
