import { systemClock } from '@quorate/core'
import { serviceClient, type ServiceClient } from '../../shared/http-client.ts'
import type { Logger } from '../../shared/logging.ts'
import { isProblem } from '../../shared/problem.ts'
import { continueTrace, withTrace } from '../../shared/trace.ts'
import type { CarrierStore, Delivery } from './store.ts'

export interface Deliveries {
  /** There may be something new to wait for. */
  wake(): void
  /** Where to tell the news from now on. */
  tellAt(url: string): Promise<void>
  /** Resolves when no webhook is under way. What was not told is told after the next start. */
  stop(): Promise<void>
}

const AT_ONCE = 16
const RETRY_MS = 500
const IDLE_MS = 5_000

/** Tells the shop of each parcel that arrived, until the shop has said that it knows. */
export function startDeliveries(store: CarrierStore, log: Logger): Deliveries {
  const stopping = new AbortController()
  let woken = false
  let nap = new AbortController()
  let shop: { readonly url: URL; readonly client: ServiceClient } | undefined

  const listen = async (url: string): Promise<void> => {
    const before = shop
    shop = { url: new URL(url), client: serviceClient('shop', new URL(url).origin) }
    await before?.client.close()
  }

  const tell = async (delivery: Delivery, { url, client }: NonNullable<typeof shop>): Promise<string[]> => {
    const { traceparent, ...event } = delivery
    try {
      await withTrace(continueTrace(traceparent ?? undefined), () =>
        client.call('POST', url.pathname, { body: event, deadlineMs: 3_000, signal: stopping.signal }),
      )
      return [event.orderId]
    } catch (error) {
      if (isProblem(error, 'unknown-order')) return [event.orderId] // not theirs, and never will be
      if (!stopping.signal.aborted)
        log.warn({ err: error, orderId: event.orderId }, 'the shop did not take the news; again later')
      return []
    }
  }

  const round = async (): Promise<number> => {
    if (shop === undefined) return IDLE_MS
    const to = shop
    const arrived = await store.arrived(AT_ONCE)
    if (arrived.length > 0) {
      const told = (await Promise.all(arrived.map((delivery) => tell(delivery, to)))).flat()
      if (told.length > 0) await store.told(told)
      return told.length === arrived.length ? 0 : RETRY_MS
    }
    return Math.min(IDLE_MS, (await store.nextArrivalMs()) ?? IDLE_MS)
  }

  const run = async (): Promise<void> => {
    const known = await store.webhook().catch(() => undefined)
    if (known !== undefined && shop === undefined) await listen(known)
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
      await systemClock
        .sleep(waitMs, { signal: AbortSignal.any([nap.signal, stopping.signal]) })
        .catch(() => {})
    }
  }
  const done = run()

  const wake = (): void => {
    woken = true
    nap.abort()
  }
  return {
    wake,
    async tellAt(url) {
      await store.setWebhook(url)
      await listen(url)
      wake()
    },
    async stop() {
      stopping.abort()
      await done
      await shop?.client.close()
    },
  }
}
