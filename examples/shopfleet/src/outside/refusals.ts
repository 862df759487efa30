/** A switch that makes a service refuse its next N requests, set over HTTP while it runs. */
import type { RequestHandler } from 'express'
import { z } from 'zod'
import type { RouteAnswer } from '../shared/http-server.ts'
import { Problem } from '../shared/problem.ts'

export const refusalBody = z.object({ refuse: z.int().min(0) })

export interface Refusals {
  set(faults: z.infer<typeof refusalBody>): RouteAnswer
  readonly middleware: RequestHandler
}

export function refusals(service: string): Refusals {
  let left = 0
  return {
    set({ refuse }) {
      left = refuse
      return {}
    },
    middleware: (_request, _response, next) => {
      if (left === 0) return next()
      left--
      throw new Problem(503, 'unavailable', `The ${service} is busy; try again in a second`, {
        retryAfterSeconds: 1,
      })
    },
  }
}
