/**
 * Session tokens of the services that read from replicas: each says how far a replica must have come so
 * that this customer sees their own writes. The customer's browser keeps one cookie for each service, the
 * services speak a header.
 */
import { USER_HEADER } from '../api.ts'
import type { Request, Response } from 'express'
import type { CallOptions } from '../shared/http-client.ts'
import type { z } from 'zod'

/** The header of `@quorate/read-your-writes`. */
const SESSION_HEADER = 'quorate-session'
const TOKEN = /^[\w-]{1,1000}$/
/** In place of what no service has made: it is not understood, so the primary answers, which is sure to be right. */
const NOT_A_TOKEN = 'not-a-token'

export interface SessionCarrier {
  /** Options for a call: hands the customer's token in, and takes the new one back into the answer. */
  carry(
    service: string,
    request: Request,
    response: Response,
  ): Pick<CallOptions<z.ZodType>, 'headers' | 'onHeaders'>
}

export function sessionCarrier(): SessionCarrier {
  return {
    carry(service, request, response) {
      const user = request.header(USER_HEADER)
      const name = `${SESSION_HEADER}-${service}`
      const token = request.header(name) ?? cookieOf(request.header('cookie'), name)
      return {
        headers: {
          ...(user === undefined ? {} : { [USER_HEADER]: user }),
          ...(token === undefined ? {} : { [SESSION_HEADER]: TOKEN.test(token) ? token : NOT_A_TOKEN }),
        },
        onHeaders: (headers) => {
          const next = headers[SESSION_HEADER]
          if (typeof next !== 'string') return
          response.setHeader(name, next)
          response.append('set-cookie', `${name}=${next}; Path=/api; HttpOnly; SameSite=Lax`)
        },
      }
    },
  }
}

/** One cookie's value out of a `Cookie` header, as it stands there. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}
