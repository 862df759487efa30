import type { Counterexample, Violation } from '../result.ts'
import { valueKey } from '../value.ts'
import type { Operation } from '../operation.ts'
import { type Algorithm, decide } from './decide.ts'
import type { Meter } from './meter.ts'
import type { Part } from './part.ts'
import { problemOf } from './problem.ts'
import type { Decision } from './search.ts'

/** Time for one attempt to leave operations out; if it does not suffice, they stay in. */
const MAX_STEP_MS = 250

/** Why a part has no order, given that it has none. */
export function explain<S>(
  part: Part<S>,
  decision: Decision,
  options: { readonly algorithm: Algorithm; readonly minimize: boolean; readonly meter: Meter },
): Counterexample {
  const { algorithm, meter } = options
  const first = firstBad(part, decision, algorithm, meter)
  const before = furthest(part, first.rank, algorithm, meter) ?? decision
  const smallest = options.minimize
    ? minimal(part, first.rank, algorithm, meter)
    : { ranks: Array.from({ length: first.rank + 1 }, (_, rank) => rank), isMinimal: false }
  const indexOf = (place: number): number => part.operations[place]!.index
  return {
    key: part.key,
    firstBad: indexOf(part.byEnd[first.rank]!),
    longestPrefix: before.order.map(indexOf),
    stateAfterPrefix: part.transitions.describe(before.state),
    minimal: smallest.ranks.map((rank) => indexOf(part.byEnd[rank]!)).toSorted((a, b) => a - b),
    isMinimal: first.isExact && smallest.isMinimal,
  }
}

/**
 * The first completion at which there is no order any more. What completes later cannot help, so it can be found by
 * bisection. A search without foresight or lookahead has found it already: the first operation it could never place.
 */
function firstBad<S>(
  part: Part<S>,
  { frontier, isFurthest }: Decision,
  algorithm: Algorithm,
  meter: Meter,
): { rank: number; isExact: boolean } {
  if (isFurthest) return { rank: frontier, isExact: true }
  let good = frontier - 1 // rank of a completion until which there is an order
  let bad = part.byEnd.length - 1
  for (let stride = 1; bad - good > 1;) {
    const middle = good + stride < (good + bad) >>> 1 ? good + stride : (good + bad) >>> 1
    const { verdict } = decide(part, problemOf(part, middle), algorithm, meter.step())
    if (verdict === 'unknown') return { rank: bad, isExact: false }
    if (verdict === 'ok') {
      good = middle
      stride *= 2
    } else bad = middle
  }
  return { rank: bad, isExact: true }
}

/** An order of what completed before a completion. */
function furthest<S>(part: Part<S>, rank: number, algorithm: Algorithm, meter: Meter): Decision | undefined {
  const decision = decide(part, problemOf(part, rank - 1), algorithm, meter.step())
  return decision.verdict === 'ok' ? decision : undefined
}

/**
 * Operations without any one of which there is an order: forgets the others, many at once where that works. An
 * operation that is forgotten may have happened or not. The more is forgotten, the more orders there are, so what had
 * to stay once has to stay for ever, and one pass proves it.
 */
function minimal<S>(
  part: Part<S>,
  rank: number,
  algorithm: Algorithm,
  meter: Meter,
): { ranks: number[]; isMinimal: boolean } {
  const forgotten = new Uint8Array(part.operations.length)
  const kept: number[] = []
  let isMinimal = true
  const ranges: (readonly [from: number, to: number])[] = [[0, rank]]
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const [from, to] = range
    if (from === to) continue
    for (let at = from; at < to; at++) forgotten[part.byEnd[at]!] = 1
    const { verdict } =
      meter.leftMs > 0
        ? decide(part, problemOf(part, rank, forgotten), algorithm, meter.step(MAX_STEP_MS))
        : { verdict: 'unknown' }
    if (verdict === 'violated') continue
    for (let at = from; at < to; at++) forgotten[part.byEnd[at]!] = 0
    if (to - from === 1) {
      if (verdict === 'unknown') isMinimal = false
      kept.push(from)
      continue
    }
    const middle = (from + to) >>> 1
    ranges.push([middle, to], [from, middle]) // the older half first: it is the less likely to matter
  }
  kept.push(rank)
  return { ranks: kept, isMinimal }
}

/** The broken promise in a sentence. */
export function violationOf(
  counterexample: Counterexample,
  operations: readonly Operation[],
  object: string,
): Violation {
  const { firstBad: index, stateAfterPrefix, minimal: others, key } = counterexample
  const bad = operations[index]!
  return {
    name: 'not-linearizable',
    message:
      `#${index} (${inWords(bad)}) has no place in any order of ${object}` +
      `${key === undefined ? '' : ` ${JSON.stringify(key)}`}; the longest order before it ends with ${stateAfterPrefix}`,
    operations: [index, ...others.filter((other) => other !== index)],
    key,
  }
}

function inWords({ op, input, output, process }: Operation): string {
  const asked = input === undefined ? '' : ` ${valueKey(input)}`
  const answered = output === undefined ? '' : ` → ${valueKey(output)}`
  return `${op}${asked}${answered} by process ${process}`
}
