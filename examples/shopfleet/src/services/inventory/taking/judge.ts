/** Who gets what is on the shelves. Pure: for the batch, and for the look after promises. */
import type { ShortLine } from '../contract.ts'
import { shortLines } from '../movements.ts'
import type { Reservation } from '../reservations.ts'

export type Verdict =
  | { readonly type: 'granted' }
  /** The same id was granted further up. */
  | { readonly type: 'twin' }
  | { readonly type: 'short'; readonly short: readonly ShortLine[] }

export interface Judgement {
  /** One for each request, in their order. */
  readonly verdicts: readonly Verdict[]
  /** The granted ones. */
  readonly granted: readonly Reservation[]
  /** Units taken off each shelf by all of them. */
  readonly taken: ReadonlyMap<string, number>
}

/**
 * Goes through the requests in the order they came: each gets all its lines or none, as if it had come alone. One that
 * is refused does not keep those behind it from what it did not get.
 *
 * @param shelves units by sku; a sku that is not there has none.
 */
export function judge(requests: readonly Reservation[], shelves: ReadonlyMap<string, number>): Judgement {
  const left = new Map(shelves)
  const taken = new Map<string, number>()
  const granted = new Map<string, Reservation>()
  const verdicts = requests.map((request): Verdict => {
    if (granted.has(request.id)) return { type: 'twin' }
    const short = request.lines.filter(({ sku, quantity }) => (left.get(sku) ?? 0) < quantity)
    if (short.length > 0) return { type: 'short', short: shortLines(short, left) }
    for (const { sku, quantity } of request.lines) {
      left.set(sku, (left.get(sku) ?? 0) - quantity)
      taken.set(sku, (taken.get(sku) ?? 0) + quantity)
    }
    granted.set(request.id, request)
    return { type: 'granted' }
  })
  return { verdicts, granted: [...granted.values()], taken }
}
