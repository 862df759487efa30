/** What happened to a cart, in words of quantities. Pure. */
import { createCart, type Cart, type FragmentJson } from '@quorate/crdt/cart'
import type { VersionVector } from '@quorate/vector-clock'
import type { CartLine } from '../api.ts'

/** How many more of a product, or how many less. */
export interface Change {
  readonly sku: string
  /** Never 0. */
  readonly change: number
}

export interface MergedChange extends Change {
  /** The one writer it came from; `undefined` if there were several. */
  readonly by: string | undefined
}

export function changesOf(before: readonly CartLine[], after: readonly CartLine[]): Change[] {
  const was = new Map(before.map(({ sku, quantity }) => [sku, quantity]))
  const is = new Map(after.map(({ sku, quantity }) => [sku, quantity]))
  return [...new Set([...was.keys(), ...is.keys()])]
    .toSorted()
    .map((sku) => ({ sku, change: (is.get(sku) ?? 0) - (was.get(sku) ?? 0) }))
    .filter(({ change }) => change !== 0)
}

/** Merges, and tells what that changed and who had done it. */
export function mergeAndTell(cart: Cart, delta: Uint8Array): MergedChange[] {
  const { version } = cart
  const before = cart.items()
  const read = createCart({ replica: 'reader' })
  read.merge(delta)
  const writers = writersOf(read.toJSON(), version)
  cart.merge(delta)
  return changesOf(before, cart.items()).map(({ sku, change }) => {
    const names = change > 0 ? (writers.adders.get(sku) ?? []) : writers.removers
    return { sku, change, by: names.length === 1 ? names[0] : undefined }
  })
}

/** Who put what there, and who took things away, of all that `version` does not hold. */
function writersOf(
  { context, entries }: FragmentJson,
  version: VersionVector,
): { adders: Map<string, string[]>; removers: string[] } {
  const adders = new Map<string, string[]>()
  const adds = new Map<string, number>()
  for (const entry of entries) {
    const { sku, node, counter } = entry as { sku: string; node: string; counter: number }
    if (version.includes({ node, counter })) continue
    adds.set(node, (adds.get(node) ?? 0) + 1)
    const own = adders.get(sku) ?? []
    if (!own.includes(node)) adders.set(sku, [...own, node])
  }
  // A removal is an event of its own, which no entry stands for.
  const removers = Object.entries(context).flatMap(([node, runs]) => {
    const known = version.get(node)
    const news = runs.reduce((sum, [from, to]) => sum + Math.max(0, to - Math.max(from - 1, known)), 0)
    return news > (adds.get(node) ?? 0) ? [node] : []
  })
  return { adders, removers }
}
