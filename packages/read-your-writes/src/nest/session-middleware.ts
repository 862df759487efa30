import { carrier, SESSION_HEADER, type CarrierOptions } from '../http/carrier.ts'
import { sessionFor, type ResponseLike } from '../http/node-session.ts'
import type { SessionRouter } from '../session-router.ts'
import type { NestRequestLike, SessionRequestOptions } from './options.ts'

/** Gives each request its session; on Fastify it is called with the request and response of `node:http`. */
export type SessionMiddleware = (request: NestRequestLike, response: ResponseLike, next: () => void) => void

/** @throws TypeError if the token could not travel as told. */
export function sessionMiddleware(
  { key, cookie, header }: SessionRequestOptions,
  name: string | undefined,
): (db: SessionRouter) => SessionMiddleware {
  const carries = carrier(name === undefined ? { cookie, header } : named({ cookie, header }, name))
  return (db) => (request, response, next) => {
    const isSecure = (): boolean => request.protocol === 'https'
    db.run(sessionFor(db, carries, { request, response, key: key?.(request), name, isSecure }), next)
  }
}

/** Cookie and header of another name than those of the first database. */
function named({ cookie = {}, header = true }: CarrierOptions, name: string): CarrierOptions {
  return {
    cookie: cookie === false ? false : { name: `quorate-session-${name}`, ...cookie },
    header: header === true ? `${SESSION_HEADER}-${name}` : header,
  }
}
