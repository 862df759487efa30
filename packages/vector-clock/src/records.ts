/**
 * Version vectors as plain objects, `{ node: counter }`: for few nodes, for state that is JSON anyway. Above some
 * ten comparisons of one vector, `VersionVector` is faster.
 * @packageDocumentation
 */
import { checkDot, isCounter, type Ordering } from './dot.ts'
import { VersionVector } from './version-vector.ts'

/** Counters by node. Absent is 0. */
export type ClockRecord = Readonly<Record<string, number>>

/**
 * How two histories relate: `compare({ a: 1 }, { b: 2 })` is `concurrent`. A counter that is no number is an error
 * here, never a verdict.
 *
 * @throws RangeError for a counter that is not a whole number from 0 to 2^53 − 1.
 */
export function compare(a: ClockRecord, b: ClockRecord): Ordering {
  let less = false
  let more = false
  // Own keys only, and without a list of them: this is the hot path.
  for (const node in a) {
    if (!Object.hasOwn(a, node)) continue
    const mine = read(a, node)
    const theirs = read(b, node)
    if (mine < theirs) less = true
    else if (mine > theirs) more = true
  }
  for (const node in b) if (!Object.hasOwn(a, node) && read(b, node) > 0) less = true
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
  const merged = copy(a)
  for (const node in b) {
    if (Object.hasOwn(b, node)) set(merged, node, Math.max(read(a, node), read(b, node)))
  }
  return Object.freeze(merged)
}

/**
 * `clock` and one more event of `node`, as a new frozen object.
 *
 * @throws TypeError for an empty or ill-formed node id.
 * @throws RangeError as {@link compare}, and when the node's counter is used up.
 */
export function increment(clock: ClockRecord, node: string): ClockRecord {
  const next = copy(clock)
  set(next, node, checkDot(node, read(clock, node) + 1))
  return Object.freeze(next)
}

/**
 * The same history, for what records cannot do: bytes, headers, dots.
 *
 * @throws TypeError for an empty or ill-formed node id.
 * @throws RangeError as {@link compare}.
 */
export function toVector(clock: ClockRecord): VersionVector {
  return VersionVector.of(clock)
}

/** 0 for what is not there; own keys only, as ids may be names that every object knows. */
function read(clock: ClockRecord, node: string): number {
  const counter = Object.hasOwn(clock, node) ? clock[node] : 0
  if (counter === 0 || isCounter(counter)) return counter
  throw new RangeError(`A counter must be from 0 to 2^53 - 1, got ${String(counter)} for ${node}`)
}

function copy(clock: ClockRecord): Record<string, number> {
  const out: Record<string, number> = {}
  for (const node in clock) if (Object.hasOwn(clock, node)) set(out, node, read(clock, node))
  return out
}

function set(clock: Record<string, number>, node: string, counter: number): void {
  if (node !== '__proto__') clock[node] = counter
  // By assignment this one would be the prototype.
  else
    Object.defineProperty(clock, node, {
      value: counter,
      enumerable: true,
      writable: true,
      configurable: true,
    })
}
