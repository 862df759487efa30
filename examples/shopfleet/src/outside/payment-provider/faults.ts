/** What can be made to go wrong between the shop and the provider, set over HTTP while it runs. */
import { z } from 'zod'
import type { RequestHandler } from 'express'
import { systemClock } from '@quorate/core'

export const providerFaults = z.object({
  /** The next N writes are done, and then the connection breaks before the answer. */
  loseReplies: z.int().min(0).default(0),
  /** The next N requests are refused with 503 before any work. */
  refuse: z.int().min(0).default(0),
  /** Every request waits this long first, ms. */
  delayMs: z.int().min(0).max(60_000).default(0),
  /** Only of requests whose path ends so, as `/capture`. */
  only: z.string().default(''),
})
export type ProviderFaults = z.infer<typeof providerFaults>

export interface FaultSwitch {
  set(faults: ProviderFaults): void
  readonly middleware: RequestHandler
}

export function faultSwitch(initial: ProviderFaults): FaultSwitch {
  let faults = initial
  return {
    set(next) {
      faults = next
    },
    middleware: async (request, response, next) => {
      if (!request.path.endsWith(faults.only)) return next()
      if (faults.refuse > 0) {
        faults = { ...faults, refuse: faults.refuse - 1 }
        response
          .status(503)
          .json({ error: { type: 'api_error', message: 'The provider is down for maintenance.' } })
        return
      }
      if (request.method === 'POST' && faults.loseReplies > 0) {
        faults = { ...faults, loseReplies: faults.loseReplies - 1 }
        // The work goes on to its end; only the way back is cut.
        response.send = () => {
          request.socket.destroy()
          return response
        }
      }
      if (faults.delayMs > 0) await systemClock.sleep(faults.delayMs)
      next()
    },
  }
}
