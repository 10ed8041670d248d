/** Paths inside a container: always absolute, always with slashes. */

/** Without `.`, `..`, double and trailing slashes; `..` at the root stays there. A relative path is taken from the root. */
export function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    if (part !== '' && part !== '.' && part !== '..') parts.push(part)
  }
  return `/${parts.join('/')}`
}

export const isAbsolutePath = (path: string): boolean => path.startsWith('/')
