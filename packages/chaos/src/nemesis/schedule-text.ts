import type { PartitionMode } from '../faults.ts'
import type { FaultAction, Schedule, ScheduledFault, Way } from './schedule.ts'

const MODES: readonly string[] = ['drop', 'reset', 'refuse'] satisfies PartitionMode[]

/**
 * A schedule on one line that {@link parseSchedule} reads, for a log and for the shell:
 * `30000; 512+1400 partition drop db-1 | db-2 db-3; 2100+300 kill db-2`. That is: 30 s long; 512 ms after
 * the start, for 1,400 ms, nothing passes between db-1 and the others; and so on.
 */
export function formatSchedule({ forMs, faults }: Schedule): string {
  return [String(forMs), ...faults.map(formatFault)].join('; ')
}

function formatFault({ atMs, lastsMs, action }: ScheduledFault): string {
  return `${atMs}+${lastsMs} ${action.type} ${formatAction(action)}`
}

function formatAction(action: FaultAction): string {
  switch (action.type) {
    case 'partition':
      return `${action.mode} ${action.sides.map(names).join(' | ')}`
    case 'one-way':
      return `${action.mode} ${ways(action.ways)}`
    case 'kill':
    case 'pause':
      return names(action.nodes)
    case 'clock-skew':
      return `${action.ms} ${names(action.nodes)}`
    case 'clock-drift':
      return `${action.ppm} ${names(action.nodes)}`
    case 'slow-links':
      return `${action.ms} ${action.jitterMs} ${ways(action.links)}`
    default:
      return action satisfies never
  }
}

/** Names keep what is readable; what the format needs for itself is percent-encoded. */
const name = (text: string): string =>
  text.replaceAll(/[^\w.:@/-]/gu, (character) => {
    const encoded = encodeURIComponent(character)
    return encoded === character ? `%${character.charCodeAt(0).toString(16)}` : encoded
  })
const names = (list: readonly string[]): string => list.map(name).join(' ')
const ways = (list: readonly Way[]): string =>
  list.map(({ from, to }) => `${name(from)}>${name(to)}`).join(' ')

/**
 * Reads what {@link formatSchedule} wrote.
 *
 * @throws SyntaxError that quotes the part it cannot read.
 */
export function parseSchedule(text: string): Schedule {
  const [first = '', ...rest] = text.split(';').map((part) => part.trim())
  const forMs = whole(first, text)
  const faults = rest.map(parseFault)
  for (const fault of faults) {
    if (fault.atMs + fault.lastsMs <= forMs) continue
    throw new SyntaxError(
      `Cannot read schedule: each fault must end by ${forMs} ms, got ${formatFault(fault)}`,
    )
  }
  return { forMs, faults: faults.toSorted((a, b) => a.atMs - b.atMs) }
}

function parseFault(text: string): ScheduledFault {
  const [time = '', type = '', ...words] = text.split(/\s+/)
  const [at = '', lasts = ''] = time.split('+')
  const atMs = whole(at, text)
  return { atMs, lastsMs: whole(lasts, text), action: parseAction(type, words, text) }
}

function parseAction(type: string, words: readonly string[], text: string): FaultAction {
  switch (type) {
    case 'partition': {
      const sides = words
        .slice(1)
        .join(' ')
        .split('|')
        .map((side) => parseNames(side.trim().split(' '), text))
      if (sides.length < 2) throw unreadable(text, 'a partition needs at least two sides, parted by |')
      return { type, mode: parseMode(words, text), sides }
    }
    case 'one-way':
      return { type, mode: parseMode(words, text), ways: parseWays(words.slice(1), text) }
    case 'kill':
    case 'pause':
      return { type, nodes: parseNames(words, text) }
    case 'clock-skew':
      return { type, ms: number(words[0], text), nodes: parseNames(words.slice(1), text) }
    case 'clock-drift':
      return { type, ppm: number(words[0], text), nodes: parseNames(words.slice(1), text) }
    case 'slow-links': {
      const [ms, jitterMs, ...links] = words
      return { type, ms: number(ms, text), jitterMs: number(jitterMs, text), links: parseWays(links, text) }
    }
    default:
      throw unreadable(text, `there is no fault named ${JSON.stringify(type)}`)
  }
}

function parseMode([mode = '']: readonly string[], text: string): PartitionMode {
  if (!MODES.includes(mode)) throw unreadable(text, `a partition is one of ${MODES.join(', ')}`)
  return mode as PartitionMode
}

function parseNames(words: readonly string[], text: string): string[] {
  if (words.length === 0 || words.includes('')) throw unreadable(text, 'it must name a node')
  return words.map((word) => decode(word, text))
}

function parseWays(words: readonly string[], text: string): Way[] {
  if (words.length === 0) throw unreadable(text, 'it must name a link, as in a>b')
  return words.map((word) => {
    const [from = '', to = '', ...more] = word.split('>')
    if (from === '' || to === '' || more.length > 0) throw unreadable(text, 'a link is written as a>b')
    return { from: decode(from, text), to: decode(to, text) }
  })
}

function decode(word: string, text: string): string {
  try {
    return decodeURIComponent(word)
  } catch {
    throw unreadable(text, `${word} is not a name`)
  }
}

function whole(word: string, text: string): number {
  if (!/^\d+$/.test(word)) throw unreadable(text, 'its times must be whole ms, as in 512+1400')
  return Number(word)
}

function number(word: string | undefined, text: string): number {
  const value = Number(word)
  if (word === undefined || !Number.isFinite(value)) throw unreadable(text, `${word} is not a number`)
  return value
}

const unreadable = (text: string, why: string): SyntaxError =>
  new SyntaxError(`Cannot read schedule: ${why}, got ${JSON.stringify(text)}`)
