/** Sessions that need what is not built yet. One that comes out the same on both daemons has to go from here. */
export const pending: ReadonlySet<string> = new Set(['health', 'dockerode: saving', 'docker-py: saving'])
