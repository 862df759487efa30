import type { OrderView } from '../api.ts'
import type { FailOver } from '../fail-over.ts'

/** What can be made to happen in the middle of a replay: this service loses the primary of its database. */
export const FAULTS = {
  'payments-primary': 'payments',
  'orders-primary': 'orders',
  'inventory-primary': 'inventory',
  'profiles-primary': 'profiles',
  'cart-primary': 'cart',
} as const satisfies Readonly<Record<`${FailOver}-primary`, FailOver>>
export type FaultName = keyof typeof FAULTS
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[]
/** How long a dead primary stays unnoticed, as with a fail-over manager in a hurry, ms. */
export const NOTICED_AFTER_MS = 3_000

/** What a fault did to the customers. */
export interface FaultReport {
  readonly name: FaultName
  /** Into the orders, s. */
  readonly atSeconds: number
  /** Orders and refunds done by then, of so many. */
  readonly afterJobs: number
  readonly jobs: number
  /** Checkouts that were under way at that moment. */
  readonly checkoutsInFlight: number
  /** Until the standby was in charge, with the old primary behind it as a fresh clone, s; for most of it nobody noticed. */
  readonly takenOverSeconds: number
  /** The longest time after it in which no order was paid, s. */
  readonly unpaidSeconds: number
  /** Checkouts answered 503. */
  readonly refused: number
  /** From the first of these answers to the last, s. */
  readonly refusedForSeconds: number
  /** Changes of carts answered 503; their devices kept them, and handed them in again. */
  readonly refusedCarts: number
  /** How long after it the last of these answers came, s. */
  readonly refusedCartsUntilSeconds: number
}

/** Breaks something when half of a replay is done, and takes down what customers notice. */
export interface ReplayFault {
  /** So many jobs are done; first called with none. */
  progress(done: number, total: number): void
  /** Runs a checkout, and remembers how it ended. */
  watch(checkout: () => Promise<OrderView>): Promise<OrderView>
  /** It was answered 503. */
  refused(what: 'checkout' | 'cart'): void
  /** Resolves when what was broken is mended. @throws what the mending threw; if it never came to the fault. */
  ended(): Promise<FaultReport>
}

/** @param strike breaks it, by SIGKILL, and resolves when somebody else has taken over. */
export function replayFault(name: FaultName, strike: () => Promise<void>): ReplayFault {
  let startMs: number | undefined
  const refusedMs = { checkout: [] as number[], cart: [] as number[] }
  let inFlight = 0
  const paidMs: number[] = []
  let struck:
    | {
        atMs: number
        afterJobs: number
        jobs: number
        checkoutsInFlight: number
        takenOverMs: Promise<number>
      }
    | undefined

  return {
    progress(done, total) {
      startMs ??= performance.now()
      if (struck !== undefined || done * 2 < total) return
      const atMs = performance.now()
      const takenOverMs = strike().then(() => performance.now())
      takenOverMs.catch(() => {}) // told by ended()
      struck = { atMs, afterJobs: done, jobs: total, checkoutsInFlight: inFlight, takenOverMs }
    },

    async watch(checkout) {
      inFlight++
      try {
        const order = await checkout()
        const isPaid =
          order.cancelReason === null && order.status !== 'PAYMENT_PENDING' && order.status !== 'CREATED'
        if (struck !== undefined && isPaid) paidMs.push(performance.now())
        return order
      } finally {
        inFlight--
      }
    },

    refused(what) {
      refusedMs[what].push(performance.now())
    },

    async ended() {
      if (struck === undefined) throw new Error(`The replay ended before the fault ${name} could happen`)
      const { atMs, afterJobs, jobs, checkoutsInFlight } = struck
      const seconds = (ms: number): number => Math.round(ms / 10) / 100
      return {
        name,
        atSeconds: seconds(atMs - (startMs ?? atMs)),
        afterJobs,
        jobs,
        checkoutsInFlight,
        takenOverSeconds: seconds((await struck.takenOverMs) - atMs),
        unpaidSeconds: seconds(longestGap([atMs, ...paidMs])),
        refused: refusedMs.checkout.length,
        refusedForSeconds: seconds((refusedMs.checkout.at(-1) ?? 0) - (refusedMs.checkout[0] ?? 0)),
        refusedCarts: refusedMs.cart.length,
        refusedCartsUntilSeconds: seconds((refusedMs.cart.at(-1) ?? atMs) - atMs),
      }
    },
  }
}

function longestGap(times: readonly number[]): number {
  return times.reduce((longest, time, index) => Math.max(longest, time - (times[index - 1] ?? time)), 0)
}
