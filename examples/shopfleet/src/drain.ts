import { systemClock } from '@quorate/core'
import { sagaCounts } from './services/orders/contract.ts'
import { serviceClient } from './shared/http-client.ts'

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
      const { open } = await orders.call('GET', '/sagas', { answer: sagaCounts, signal })
      total = Math.max(total, open)
      if (total > 0) onProgress?.(open, total)
      if (open === 0) return
      if (performance.now() > untilMs) {
        throw new DOMException(`${open} orders are still under way after ${deadlineMs} ms`, 'TimeoutError')
      }
      await systemClock.sleep(LOOK_EVERY_MS, { signal })
    }
  } finally {
    await orders.close()
  }
}
