/** What the supervisor says of itself. */
import manifest from '../../package.json' with { type: 'json' }

/** The revision is the one that the build wrote into the environment; none is known when run from a work tree. */
export function supervisorVersion(): { readonly version: string; readonly revision: string } {
  return { version: manifest.version, revision: process.env.TALLYMAN_REVISION ?? '' }
}
