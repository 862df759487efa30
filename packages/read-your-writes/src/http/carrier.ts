import type { Session } from '../session.ts'
import { cookieText, cookieValues, type CookieOptions } from './cookie.ts'

/** The header that carries the token both ways. */
export const SESSION_HEADER = 'Quorate-Session'

/** How the token travels over HTTP. */
export interface CarrierOptions {
  /** `false`: only the header. Default: a cookie `quorate-session`. */
  readonly cookie?: false | CookieOptions | undefined
  /**
   * `false`: only the cookie. Default `true`: the header is read, and set on each answer whose token moved. A
   * name instead of `Quorate-Session` is for the second database of an application.
   */
  readonly header?: boolean | string | undefined
}

/**
 * Has the client something to learn: has the token moved, or has it sent several? Of those it gets one back, or
 * it would have to send them all for ever.
 */
export function isNews(session: Session, tokens: readonly string[]): boolean {
  return session.changed || tokens.length > 1
}

/** Reads tokens out of requests and puts them on answers. */
export interface Carrier {
  /** The tokens of a request, each once; `headerOf` is asked with lower-case names. */
  tokensOf(headerOf: (name: string) => string | string[] | undefined): string[]
  /** What an answer says of the token. `Set-Cookie` is to be added to other cookies, not to replace them. */
  headersFor(token: string, secure: boolean): readonly (readonly [name: string, value: string])[]
}

/** @throws TypeError if the token could travel by neither, or a cookie could not be set as told. */
export function carrier({ cookie = {}, header = true }: CarrierOptions): Carrier {
  const headerName = header === true ? SESSION_HEADER : header
  if (cookie === false && headerName === false) {
    throw new TypeError('Cannot carry tokens: cookie and header are both off; leave one of them on')
  }
  if (headerName !== false && !/^[\w-]+$/.test(headerName)) {
    throw new TypeError(
      `Cannot carry tokens: header must be a name of letters, digits, _ and -, got '${headerName}'`,
    )
  }
  return {
    tokensOf: (headerOf) => {
      const tokens: string[] = []
      const fromHeader = headerName === false ? undefined : headerOf(headerName.toLowerCase())
      // Not split(/\s*,\s*/): a header of spaces would take the square of its length.
      if (fromHeader !== undefined) tokens.push(...String(fromHeader).split(','))
      if (cookie !== false) tokens.push(...cookieValues(headerOf('cookie'), cookie))
      return [...new Set(tokens.map((token) => token.trim()))].filter((token) => token !== '')
    },
    headersFor: (token, secure) => {
      const headers: [string, string][] = []
      if (headerName !== false) headers.push([headerName, token])
      if (cookie !== false) headers.push(['Set-Cookie', cookieText(cookie, token, secure)])
      return headers
    },
  }
}
