import { finalize, hashText } from './hash.ts'
import { requireFinite } from './validate.ts'

/** A place that keys can be assigned to. */
export interface RendezvousNode {
  /** Stable name; the same name hashes the same in every process. */
  readonly id: string
  /** Share of the keys relative to the others; above 0, default 1. 0 drains the node. */
  readonly weight?: number | undefined
}

/** Ranks nodes for a key; made once per set of nodes. */
export interface Rendezvous<N extends RendezvousNode> {
  /** The node a key belongs to; `undefined` if there is none with weight above 0. */
  pick(key: string): N | undefined
  /** All nodes with weight above 0, best first: the replicas of a key, then its fall-backs. */
  rank(key: string): N[]
}

/**
 * Weighted rendezvous hashing: each node scores each key, the highest score wins, so removing a node
 * moves only that node's keys (Thaler, Ravishankar 1996; weights as −w / ln h: Schindelhauer,
 * Schomaker 2005). The placement depends on ids, weights and key only, not on the order of the nodes,
 * and is part of the contract: it changes with a major version or never.
 *
 * @throws TypeError for a node without an `id` that is a string.
 * @throws RangeError for a negative or non-finite weight, or two nodes with one id.
 *
 * @example
 * ```ts
 * const replicas = rendezvous([{ id: 'us' }, { id: 'eu', weight: 2 }, { id: 'ap' }])
 * replicas.pick('user-42')?.id // always the same, in every process
 * ```
 */
export function rendezvous<N extends RendezvousNode>(nodes: Iterable<N>): Rendezvous<N> {
  const live = [...nodes]
  validate(live)
  // In order of their ids, so that even a tie is broken the same way whatever order they came in.
  const ranked = live.filter(({ weight = 1 }) => weight > 0).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const seeds = Int32Array.from(ranked, ({ id }) => firstHash(id))
  const moreSeeds = Int32Array.from(ranked, ({ id }) => secondHash(id))
  const weights = Float64Array.from(ranked, ({ weight = 1 }) => weight)
  const equal = weights.every((weight) => weight === weights[0])

  const foldedKey = (second: number, index: number): number => second ^ (moreSeeds[index] ?? 0)
  const highHash = (first: number, fold: number, index: number): number =>
    finalize((first ^ (seeds[index] ?? 0)) + Math.imul(fold, 0x9e3779b1)) >>> 0

  /** With equal weights the order of the scores is the order of the hashes: no logarithm needed. */
  const score = (high: number, fold: number, index: number): number => {
    const unit = unitOf(high, finalize(high ^ fold))
    return equal ? unit : -(weights[index] ?? 1) / Math.log(unit)
  }
  return {
    pick(key) {
      const first = firstHash(key)
      const second = secondHash(key)
      let best = -1
      let bestScore = -Infinity
      for (let index = 0; index < seeds.length; index++) {
        const fold = foldedKey(second, index)
        const high = highHash(first, fold, index)
        // Most nodes are out by an upper bound of their score: −ln h ≥ 1 − h, so it is at most
        // w / (1 − h), or h with equal weights. The factor keeps clear of rounding.
        const above = (high + 1) * 2 ** -32
        if (equal ? above <= bestScore : (weights[index] ?? 1) < bestScore * (1 - above) * 0.999999) continue
        const current = score(high, fold, index)
        if (current > bestScore) {
          bestScore = current
          best = index
        }
      }
      return ranked[best]
    },
    rank(key) {
      const first = firstHash(key)
      const second = secondHash(key)
      return ranked
        .map((node, index) => {
          const fold = foldedKey(second, index)
          return { node, score: score(highHash(first, fold, index), fold, index) }
        })
        .toSorted((a, b) => b.score - a.score)
        .map(({ node }) => node)
    },
  }
}

function validate(nodes: readonly RendezvousNode[]): void {
  if (nodes.some(({ id }) => typeof id !== 'string')) {
    throw new TypeError('Cannot rank nodes: pass each as { id }, a string')
  }
  if (new Set(nodes.map(({ id }) => id)).size < nodes.length) {
    throw new RangeError('Cannot rank nodes: two of them have the same id; give each its own')
  }
  for (const { id, weight = 1 } of nodes) requireFinite('rank nodes', `weight of ${id}`, weight)
}

// Two 32-bit hashes of each text: with one, two ids that collide (`costarring` and `liquid` do under
// FNV-1a) would score alike for every key, and one of them would get none.

const firstHash = (text: string): number => hashText(text, 0x811c9dc5) // FNV-1a
const secondHash = (text: string): number => hashText(text, 0x41c6ce57, 0x5f356495)

/** A number strictly between 0 and 1 with 52 bits: 53 could round up to 1, whose logarithm is 0. */
function unitOf(high: number, low: number): number {
  return ((high >>> 0) * 0x100000 + (low >>> 12) + 0.5) / 0x10000000000000
}
