import { systemClock } from '@quorate/core'
import type { ServiceClient } from '../../shared/http-client.ts'
import type { Logger } from '../../shared/logging.ts'
import { continueTrace, withTrace } from '../../shared/trace.ts'
import type { CarrierStore, Delivery } from './store.ts'

export interface Deliveries {
  /** There may be something new to wait for. */
  wake(): void
  /** Resolves when no webhook is under way. What was not told is told after the next start. */
  stop(): Promise<void>
}

const AT_ONCE = 16
const RETRY_MS = 500
const IDLE_MS = 5_000

/** Tells the shop of each parcel that arrived, until the shop has said that it knows. */
export function startDeliveries(store: CarrierStore, shop: ServiceClient, log: Logger): Deliveries {
  const stopping = new AbortController()
  let woken = false
  let nap = new AbortController()

  const tell = async (delivery: Delivery): Promise<string[]> => {
    const { traceparent, ...event } = delivery
    try {
      await withTrace(continueTrace(traceparent ?? undefined), () =>
        shop.call('POST', '/webhooks/carrier', { body: event, deadlineMs: 3_000, signal: stopping.signal }),
      )
      return [event.orderId]
    } catch (error) {
      if (!stopping.signal.aborted) log.warn({ err: error, orderId: event.orderId }, 'the shop did not take the news; again later')
      return []
    }
  }

  const round = async (): Promise<number> => {
    const arrived = await store.arrived(AT_ONCE)
    if (arrived.length > 0) {
      const told = (await Promise.all(arrived.map(tell))).flat()
      if (told.length > 0) await store.told(told)
      return told.length === arrived.length ? 0 : RETRY_MS
    }
    return Math.min(IDLE_MS, (await store.nextArrivalMs()) ?? IDLE_MS)
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      woken = false
      let waitMs = RETRY_MS
      try {
        waitMs = await round()
      } catch (error) {
        if (!stopping.signal.aborted) log.warn({ err: error }, 'cannot look up deliveries; again later')
      }
      if (woken || waitMs <= 0) continue
      nap = new AbortController()
      await systemClock.sleep(waitMs, { signal: AbortSignal.any([nap.signal, stopping.signal]) }).catch(() => {})
    }
  }
  const done = run()

  return {
    wake() {
      woken = true
      nap.abort()
    },
    async stop() {
      stopping.abort()
      await done
    },
  }
}
