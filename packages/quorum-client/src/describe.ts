import { type Level, levelCount } from './level.ts'

/** What to describe. */
export interface DescribeOptions {
  /** Copies of a key. */
  readonly n: number
  /** Acknowledgements a write waits for. */
  readonly w: Level
  /** Answers a read waits for. */
  readonly r: Level
}

/** What a choice of N, W and R gives. */
export interface QuorumDescription {
  /** `strong`: every read meets the latest finished write (W + R > N). Linearizable only in that mode. */
  readonly consistency: 'strong' | 'eventual'
  /** True if of two concurrent writes no two sets of W replicas are apart (2 W > N). */
  readonly writesMeet: boolean
  /** Replicas that may be gone while the operation still succeeds. */
  readonly survives: { readonly writes: number; readonly reads: number }
  /** By how many replicas the slowest awaited one is chosen. */
  readonly writeLatency: 'low' | 'medium' | 'high'
  readonly readLatency: 'low' | 'medium' | 'high'
  /** Where one failed replica hurts first. */
  readonly availability: 'high' | 'medium' | 'low (reads)' | 'low (writes)' | 'low'
  /** All of it in words. */
  readonly text: string
}

/**
 * What a choice of N, W and R gives and what it survives, in words.
 *
 * @throws RangeError for a wrong number.
 *
 * @example
 * ```ts
 * describe({ n: 5, w: 3, r: 3 }).survives // { writes: 2, reads: 2 }
 * ```
 */
export function describe({ n, w: writeLevel, r: readLevel }: DescribeOptions): QuorumDescription {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`n must be a whole number from 1, got ${n}`)
  const w = levelCount('w', writeLevel, n)
  const r = levelCount('r', readLevel, n)
  const strong = w + r > n
  const survives = { writes: n - w, reads: n - r }
  const text = [
    `N = ${n}, W = ${w}, R = ${r}: ` +
      (strong
        ? `every read meets the latest finished write (${w} + ${r} > ${n}).`
        : `a read may miss the latest write (${w} + ${r} is not above ${n}).`),
    `Writes survive ${failures(n - w)}, reads survive ${failures(n - r)}.`,
  ].join(' ')
  return {
    consistency: strong ? 'strong' : 'eventual',
    writesMeet: 2 * w > n,
    survives,
    writeLatency: latency(w, n),
    readLatency: latency(r, n),
    availability: availability(w, r, n),
    text,
  }
}

const failures = (count: number): string =>
  count === 1 ? '1 failure' : `${count === 0 ? 'no' : count} failures`

function latency(count: number, n: number): 'low' | 'medium' | 'high' {
  if (count === 1) return 'low'
  return count === n ? 'high' : 'medium'
}

function availability(w: number, r: number, n: number): QuorumDescription['availability'] {
  if (w === n && r === n) return 'low'
  if (r === n) return 'low (reads)'
  if (w === n) return 'low (writes)'
  return w === 1 && r === 1 ? 'high' : 'medium'
}
