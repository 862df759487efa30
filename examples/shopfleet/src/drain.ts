import { systemClock } from '@quorate/core'
import { sagaCounts } from './services/orders/contract.ts'
import { serviceClient } from './shared/http-client.ts'
import { isProblem } from './shared/problem.ts'

export interface DrainOptions {
  readonly signal?: AbortSignal | undefined
  /** At most this long, ms. Default 120,000. */
  readonly deadlineMs?: number | undefined
  /** `open` of the `total` that were under way at first. */
  readonly onProgress?: ((open: number, total: number) => void) | undefined
}

const LOOK_EVERY_MS = 100

/** Waits until no saga is under way. @throws DOMException `TimeoutError` at the deadline, `signal.reason` when aborted. */
export async function drain(
  ordersUrl: string,
  { signal, deadlineMs = 120_000, onProgress }: DrainOptions = {},
): Promise<void> {
  const orders = serviceClient('orders', ordersUrl)
  const untilMs = performance.now() + deadlineMs
  let total = 0
  try {
    for (;;) {
      // While the orders service cannot say, it may be that some are.
      const open = await orders.call('GET', '/sagas', { answer: sagaCounts, signal }).then(
        (counts) => counts.open,
        (error: unknown) => {
          signal?.throwIfAborted()
          if (!isProblem(error, 'unavailable')) throw error
          return undefined
        },
      )
      total = Math.max(total, open ?? 0)
      if (open !== undefined && total > 0) onProgress?.(open, total)
      if (open === 0) return
      if (performance.now() > untilMs) {
        const count = open ?? 'perhaps some'
        throw new DOMException(`${count} orders are still under way after ${deadlineMs} ms`, 'TimeoutError')
      }
      await systemClock.sleep(LOOK_EVERY_MS, { signal })
    }
  } finally {
    await orders.close()
  }
}
