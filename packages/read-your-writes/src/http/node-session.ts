import type { SessionRouter } from '../session-router.ts'
import type { Session } from '../session.ts'
import { beforeHeaders } from './before-headers.ts'
import { isNews, type Carrier } from './carrier.ts'
import { reportIfLate } from './late.ts'
import { attachSession } from './request-session.ts'

/** The part of a request of `node:http` that is used here. */
export interface RequestLike {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** The part of a response of `node:http` that is used here. */
export interface ResponseLike {
  readonly headersSent: boolean
  setHeader(name: string, value: string): unknown
  appendHeader(name: string, value: string): unknown
  writeHead(...input: never[]): unknown
  once(event: 'close', listener: () => void): unknown
}

/** One exchange of `node:http`, and what its framework knows of it. */
export interface Exchange {
  readonly request: RequestLike
  readonly response: ResponseLike
  /** Whose request it is. */
  readonly key: string | undefined
  /** Of the database, where an application has several: for `sessionOf()`. */
  readonly name?: string | undefined
  /** Does the client speak TLS? Asked when the cookie is set. */
  readonly isSecure: () => boolean
}

/**
 * Makes the session of an exchange, and hands its token on with the answer: also on streams and on error
 * pages, since it is set when the headers are about to go.
 */
export function sessionFor(db: SessionRouter, carrier: Carrier, exchange: Exchange): Session {
  const { request, response, key, name, isSecure } = exchange
  const tokens = carrier.tokensOf((header) => request.headers[header])
  const session = db.session({ key, token: tokens })
  attachSession(request, session, name)
  let sent: string | undefined
  beforeHeaders(response, () => {
    if (!isNews(session, tokens)) return
    sent = session.token
    if (sent === undefined) return
    for (const [header, value] of carrier.headersFor(sent, isSecure())) {
      if (header === 'Set-Cookie') response.appendHeader(header, value)
      else response.setHeader(header, value)
    }
  })
  response.once('close', () => reportIfLate(db, session, sent))
  return session
}
