/** What comes out differently on purpose: `<session> / <step>` and why. A difference that is gone has to go from here too. */
export const differences: Readonly<Record<string, string>> = {}
