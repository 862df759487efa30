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
 * Schomaker 2005).
 *
 * @throws RangeError for a negative or non-finite weight, or two nodes with one id.
 *
 * @example
 * ```ts
 * const replicas = rendezvous([{ id: 'us' }, { id: 'eu', weight: 2 }, { id: 'ap' }])
 * replicas.pick('user-42')?.id // always the same, in every process
 * ```
 */
export function rendezvous<N extends RendezvousNode>(nodes: Iterable<N>): Rendezvous<N> {
  const all = [...nodes]
  if (new Set(all.map((node) => node.id)).size < all.length) {
    throw new RangeError('Cannot rank nodes: two of them have the same id; give each its own')
  }
  for (const { id, weight = 1 } of all) {
    if (!(weight >= 0) || weight === Infinity) {
      throw new RangeError(`Cannot rank nodes: weight of ${id} must be a finite number from 0, got ${weight}`)
    }
  }
  const live = all.filter((node) => (node.weight ?? 1) > 0)
  const seeds = live.map((node) => hashText(node.id))
  const weights = live.map((node) => node.weight ?? 1)
  const equal = weights.every((weight) => weight === weights[0])

  // With equal weights the order of the scores is the order of the hashes: no logarithm needed.
  const score = (keyHash: number, index: number): number => {
    const unit = mix(keyHash, seeds[index] ?? 0)
    return equal ? unit : -(weights[index] ?? 1) / Math.log(unit)
  }
  return {
    pick(key) {
      const keyHash = hashText(key)
      let best = -1
      let bestScore = -Infinity
      for (let index = 0; index < live.length; index++) {
        const current = score(keyHash, index)
        if (current > bestScore) {
          bestScore = current
          best = index
        }
      }
      return live[best]
    },
    rank(key) {
      const keyHash = hashText(key)
      return live
        .map((node, index) => ({ node, score: score(keyHash, index) }))
        .toSorted((a, b) => b.score - a.score)
        .map(({ node }) => node)
    },
  }
}

/** FNV-1a over UTF-16 units, then the murmur3 finalizer, so that near keys land far apart. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return finalize(hash)
}

/** A number strictly between 0 and 1 with 53 bits, from two 32-bit hashes. */
function mix(key: number, seed: number): number {
  const high = finalize(key ^ seed)
  const low = finalize(Math.imul(high ^ key, 0x9e3779b1) + seed)
  return ((high >>> 0) * 0x200000 + (low >>> 11) + 0.5) / 0x20000000000000
}

/** Finalizer of MurmurHash3 (Appleby): every input bit changes every output bit with chance 1/2. */
function finalize(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
