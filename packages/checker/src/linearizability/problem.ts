import { OVERWRITE, type Part, READ, UPDATE } from './part.ts'

/**
 * A part, cut at a completion, ready to be decided. Operations are numbered anew: those with a deadline in order
 * of completion (0 to `deadlines` - 1), then those that may take effect at any later time or never.
 *
 * *Frontier* f: the moment at which operation f completes and every operation below f has. An operation is
 * *available* at f if it had begun by then.
 */
export interface Problem {
  readonly deadlines: number
  readonly count: number
  /** Place in the part. */
  readonly place: Int32Array
  readonly cls: Int32Array
  /** May be left out, although it has a deadline. */
  readonly optional: Uint8Array
  /** The first frontier at which it is available. */
  readonly available: Int32Array
  /** Operations in order of their beginning; `entering[f]` to `entering[f + 1]` become available at f. */
  readonly byStart: Int32Array
  readonly entering: Int32Array
  /** A bit for each operation, shared with others that are over before it begins. */
  readonly slot: Int32Array
  readonly slots: number
}

/**
 * What is known when the completion `limit` (a place in `part.byEnd`) has happened: operations that are still open
 * then may take effect later or never, later ones do not exist.
 *
 * @param forgotten by place in the part, not 0: an operation of which nobody knows whether it happened. Reads
 *   among them are left out, others may be.
 */
export function problemOf<S>(part: Part<S>, limit: number, forgotten?: Uint8Array): Problem {
  const { operations, byEnd, cls, kind } = part
  const size = operations.length
  const cut = limit < 0 ? -Infinity : operations[byEnd[limit]!]!.end
  const useful = usefulOverwrites(part, limit, forgotten)

  const id = new Int32Array(size).fill(-1)
  const place = new Int32Array(size)
  const optional = new Uint8Array(size)
  let deadlines = 0
  const isKept = (at: number): boolean =>
    kind[cls[at]!] !== OVERWRITE || useful === undefined || useful[cls[at]!] === 1
  for (let rank = 0; rank <= limit; rank++) {
    const at = byEnd[rank]!
    const isForgotten = forgotten !== undefined && forgotten[at] !== 0
    if (isForgotten && (kind[cls[at]!] === READ || !isKept(at))) {
      id[at] = -2
      continue
    }
    place[deadlines] = at
    optional[deadlines] = isForgotten ? 1 : 0
    id[at] = deadlines++
  }
  let count = deadlines
  for (let at = 0; at < size && operations[at]!.start <= cut; at++) {
    if (id[at] !== -1 || kind[cls[at]!] === READ || !isKept(at)) continue
    place[count] = at
    id[at] = count++
  }

  const available = new Int32Array(count)
  const byStart = new Int32Array(count)
  const entering = new Int32Array(deadlines + 2)
  let entered = 0
  let frontier = 0
  for (let at = 0; at < size && entered < count; at++) {
    const op = id[at]!
    if (op < 0) continue
    const { start } = operations[at]!
    while (frontier < deadlines && operations[place[frontier]!]!.end < start) entering[++frontier] = entered
    available[op] = frontier
    byStart[entered++] = op
  }
  while (frontier < deadlines + 1) entering[++frontier] = entered

  const problem = {
    deadlines,
    count,
    place: place.subarray(0, count),
    cls: Int32Array.from(place.subarray(0, count), (at) => cls[at]!),
    optional,
    available,
    byStart,
    entering,
  }
  return { ...problem, ...slotsOf(problem) }
}

/** What the answer says is known from the start to the end. */
export function wholeOf<S>(part: Part<S>): Problem {
  return problemOf(part, part.byEnd.length - 1)
}

/**
 * Where every read fits one state only and every update is a blind write, a write that may be left out helps only
 * if somebody read what it wrote. By class; `undefined` where that does not hold.
 */
function usefulOverwrites<S>(part: Part<S>, limit: number, forgotten?: Uint8Array): Uint8Array | undefined {
  const { byEnd, cls, kind, onlyIn, leadsTo } = part
  if (kind.includes(UPDATE)) return undefined
  const read = new Set<number>()
  for (let rank = 0; rank <= limit; rank++) {
    const at = byEnd[rank]!
    if (kind[cls[at]!] !== READ || (forgotten !== undefined && forgotten[at] !== 0)) continue
    if (onlyIn[cls[at]!] === -1) return undefined
    read.add(onlyIn[cls[at]!]!)
  }
  return Uint8Array.from(leadsTo, (target) => (read.has(target) ? 1 : 0))
}

type Unslotted = Omit<Problem, 'slot' | 'slots'>

/** As many slots as operations with a deadline are open at once; those without one get the slots after these. */
function slotsOf({ deadlines, count, byStart, entering }: Unslotted): Pick<Problem, 'slot' | 'slots'> {
  const slot = new Int32Array(count)
  const free: number[] = []
  let slots = 0
  for (let frontier = 0; frontier < deadlines; frontier++) {
    for (let at = entering[frontier]!; at < entering[frontier + 1]!; at++) {
      const op = byStart[at]!
      if (op < deadlines) slot[op] = free.pop() ?? slots++
    }
    free.push(slot[frontier]!)
  }
  for (const op of byStart) if (op >= deadlines) slot[op] = slots++
  return { slot, slots }
}
