/** What a step of a session gave, made comparable: ids, times, pids and sizes that differ by nature are named after what they are. */
export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const natural: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/\b[0-9a-f]{12}\b/g, '<short id>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\b(About (a minute|an hour)|Less than a second|\d+ (seconds?|minutes?|hours?))( ago)?\b/g, '<while>'],
  [/unix:\/\/\S+\.sock/g, '<socket>'],
  [/\/tmp\/tally-(e2e|dockerd)-\w+/g, '<root>'],
]

export const plain = (text: string): string =>
  natural.reduce((result, [pattern, name]) => result.replaceAll(pattern, name), text).replace(/ +$/gm, '')

export const comparable = ({ code, stdout, stderr }: Outcome): Outcome => ({
  code,
  stdout: plain(stdout),
  stderr: plain(stderr),
})
