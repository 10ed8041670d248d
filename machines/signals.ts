/** Linux signal names and numbers, signal(7) for x86 and ARM. */
const names: readonly string[] = [
  'HUP',
  'INT',
  'QUIT',
  'ILL',
  'TRAP',
  'ABRT',
  'BUS',
  'FPE',
  'KILL',
  'USR1',
  'SEGV',
  'USR2',
  'PIPE',
  'ALRM',
  'TERM',
  'STKFLT',
  'CHLD',
  'CONT',
  'STOP',
  'TSTP',
  'TTIN',
  'TTOU',
  'URG',
  'XCPU',
  'XFSZ',
  'VTALRM',
  'PROF',
  'WINCH',
  'IO',
  'PWR',
  'SYS',
]

const aliases: Readonly<Record<string, number>> = {
  IOT: 6,
  CLD: 17,
  POLL: 29,
  UNUSED: 31,
  RTMIN: 34,
  RTMAX: 64,
}

/**
 * @param text `SIGTERM`, `term`, `15`, `RTMIN+3`…
 * @returns the number, or undefined for what is no signal (0 included).
 */
export function parseSignal(text: string): number | undefined {
  if (/^\d+$/.test(text)) return inRange(Number(text))
  const name = text.toUpperCase().replace(/^SIG/, '')
  const index = names.indexOf(name)
  if (index >= 0) return index + 1
  return aliases[name] ?? realTime(name)
}

/** `SIGTERM` for 15; the number as text where there is no name. */
export function signalName(number: number): string {
  const name = names[number - 1]
  return name === undefined ? String(number) : `SIG${name}`
}

function realTime(name: string): number | undefined {
  const match = /^RT(MIN\+|MAX-)(\d+)$/.exec(name)
  if (match === null) return undefined
  const offset = Number(match[2])
  const number = match[1] === 'MIN+' ? 34 + offset : 64 - offset
  return number >= 34 && number <= 64 ? number : undefined
}

const inRange = (number: number): number | undefined => (number >= 1 && number <= 64 ? number : undefined)
