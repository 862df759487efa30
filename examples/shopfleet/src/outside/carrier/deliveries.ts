import { systemClock } from '@quorate/core'
import { serviceClient, type ServiceClient } from '../../shared/http-client.ts'
import type { Logger } from '../../shared/logging.ts'
import { isProblem } from '../../shared/problem.ts'
import { continueTrace, withTrace } from '../../shared/trace.ts'
import type { CarrierStore, Delivery } from './store.ts'

export interface Deliveries {
  /** A parcel will arrive in this time. */
  expect(inMs: number): void
  /** Where to tell the news from now on. */
  tellAt(url: string): Promise<void>
  /** Resolves when no webhook is under way. What was not told is told after the next start. */
  stop(): Promise<void>
}

const AT_ONCE = 16
const RETRY_MS = 500
const TOGETHER_MS = 20
const IDLE_MS = 5_000

/** Tells the shop of each parcel that arrived, until the shop has said that it knows. */
export function startDeliveries(store: CarrierStore, log: Logger): Deliveries {
  const stopping = new AbortController()
  /** 0 while awake. */
  let napEndsMs = 0
  let soonestMs = Infinity
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
      // Parcels announced before this look are found by it; later ones cut the nap short.
      soonestMs = Infinity
      let waitMs = RETRY_MS
      try {
        waitMs = await round()
      } catch (error) {
        if (!stopping.signal.aborted) log.warn({ err: error }, 'cannot look up deliveries; again later')
      }
      if (waitMs <= 0) continue
      napEndsMs = Math.min(systemClock.monotonic() + waitMs, soonestMs)
      await sleepUntil(napEndsMs)
      napEndsMs = 0
    }
  }

  const sleepUntil = async (atMs: number): Promise<void> => {
    nap = new AbortController()
    const signal = AbortSignal.any([nap.signal, stopping.signal])
    // Parcels that arrive at nearly the same time are told of together.
    const ms = Math.max(TOGETHER_MS, atMs - systemClock.monotonic())
    await systemClock.sleep(ms, { signal }).catch(() => {})
  }
  const done = run()

  const expect = (inMs: number): void => {
    const atMs = systemClock.monotonic() + inMs
    soonestMs = Math.min(soonestMs, atMs)
    if (atMs < napEndsMs) nap.abort()
  }
  return {
    expect,
    async tellAt(url) {
      await store.setWebhook(url)
      await listen(url)
      expect(0)
    },
    async stop() {
      stopping.abort()
      await done
      await shop?.client.close()
    },
  }
}
