/**
 * Version vectors as plain objects, `{ node: counter }`: for few nodes, for state that is JSON anyway. Above some
 * ten comparisons of one vector, `VersionVector` is faster.
 * @packageDocumentation
 */
import { checkDot, type Ordering } from './dot.ts'
import { VersionVector } from './version-vector.ts'

/** Counters by node. Absent is 0. */
export type ClockRecord = Readonly<Record<string, number>>

/**
 * How two histories relate: `compare({ a: 1 }, { b: 2 })` is `concurrent`. A counter that is no number is an error
 * here, never a verdict.
 *
 * @throws TypeError for an empty or ill-formed node id.
 * @throws RangeError for a counter that is not a whole number from 0 to 2^53 − 1.
 */
export function compare(a: ClockRecord, b: ClockRecord): Ordering {
  let less = false
  let more = false
  for (const node of Object.keys(a)) {
    const difference = read(a, node) - read(b, node)
    if (difference < 0) less = true
    else if (difference > 0) more = true
  }
  for (const node of Object.keys(b)) if (!Object.hasOwn(a, node) && read(b, node) > 0) less = true
  if (less) return more ? 'concurrent' : 'before'
  return more ? 'after' : 'equal'
}

/** True if `a` holds every event of `b`. @throws as {@link compare}. */
export function dominates(a: ClockRecord, b: ClockRecord): boolean {
  const order = compare(a, b)
  return order === 'after' || order === 'equal'
}

/** The events of both, as a new frozen object. @throws as {@link compare}. */
export function merge(a: ClockRecord, b: ClockRecord): ClockRecord {
  const nodes = new Set([...Object.keys(a), ...Object.keys(b)])
  return freeze(Array.from(nodes, (node) => [node, Math.max(read(a, node), read(b, node))]))
}

/** `clock` and one more event of `node`, as a new frozen object. @throws as {@link compare}. */
export function increment(clock: ClockRecord, node: string): ClockRecord {
  const counter = checkDot(node, (Object.hasOwn(clock, node) ? read(clock, node) : 0) + 1)
  return freeze([...Object.keys(clock).map((key) => [key, read(clock, key)] as const), [node, counter]])
}

/** The same history, for what records cannot do: bytes, headers, dots. @throws as {@link compare}. */
export function toVector(clock: ClockRecord): VersionVector {
  return VersionVector.of(clock)
}

/** From entries, not by assignment, which would take `__proto__` for something else. */
const freeze = (entries: Iterable<readonly [string, number]>): ClockRecord =>
  Object.freeze(Object.fromEntries(entries))

function read(clock: ClockRecord, node: string): number {
  const counter = Object.hasOwn(clock, node) ? (clock[node] as number) : 0
  return counter === 0 ? 0 : checkDot(node, counter)
}
