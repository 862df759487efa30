import { VirtualClock } from '@quorate/core'
import { BatchQueue } from './batch-queue.ts'
import type { BatcherOptions, Grant } from './options.ts'
import { fold } from './plan.ts'
import type { BatchAnswer, BatchItem, BatchSession, BatchStore } from './store.ts'

/** One row in memory, and a say in what becomes of each statement. */
export class FakeStore implements BatchStore {
  readonly sent: (readonly BatchItem[])[] = []
  readonly closed: boolean[] = []
  readonly units: Map<string, number>
  open: () => Promise<BatchSession> = () => Promise.resolve(this.#session())
  before: (items: readonly BatchItem[]) => Promise<BatchAnswer | undefined> = () => Promise.resolve(undefined)
  readonly #min: number

  constructor(units: Record<string, number>, min = 0) {
    this.units = new Map(Object.entries(units))
    this.#min = min
  }

  #session(): BatchSession {
    let isClosed = false
    return {
      apply: async (items) => {
        this.sent.push(items)
        return (await this.before(items)) ?? { type: 'applied', items: items.map((item) => this.#fold(item)) }
      },
      close: (isBroken) => {
        if (!isClosed) this.closed.push(isBroken)
        isClosed = true
      },
    }
  }

  #fold({ key, deltas }: BatchItem): { type: 'applied'; before: number } | { type: 'gone' } {
    const sku = String(key['sku'])
    const before = this.units.get(sku)
    if (before === undefined) return { type: 'gone' }
    this.units.set(sku, fold(before, deltas, this.#min).after)
    return { type: 'applied', before }
  }
}

/** What {@link over} makes. */
export interface Setup {
  readonly queue: BatchQueue
  readonly take: (
    sku: string,
    amount?: number,
    options?: Parameters<BatchQueue['request']>[3],
  ) => Promise<Grant | undefined>
}

/** A batcher over a store, with a clock of its own that stands still. */
export function over(store: FakeStore, options: BatcherOptions = {}): Setup {
  const queue = new BatchQueue(store, 'stock', { clock: new VirtualClock(), random: () => 0.5, ...options })
  return {
    queue,
    take: (sku, amount = 1, more = {}) => queue.request(sku, { sku }, -amount, more),
  }
}

/** Lets every microtask run that is due. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** An answer that does not come. */
export const never: Promise<never> = new Promise(() => {})
