import type { ReadYourWrites } from '../read-your-writes.ts'
import type { Session } from '../session.ts'
import { cookieText, cookieValue, type CookieOptions } from './cookie.ts'
import { beforeHeaders } from './before-headers.ts'

/** The header that carries the token both ways. */
export const SESSION_HEADER = 'Quorate-Session'

/** The part of a request that is used here. */
export interface RequestLike {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Express: does the client speak TLS, as far as `trust proxy` allows to tell? */
  readonly secure?: boolean | undefined
}

/** The part of a response that is used here. */
export interface ResponseLike {
  readonly headersSent: boolean
  setHeader(name: string, value: string): unknown
  appendHeader(name: string, value: string): unknown
  writeHead(...input: never[]): unknown
  once(event: 'close', listener: () => void): unknown
}

/** Options of {@link readYourWritesExpress}. */
export interface ExpressOptions<Request extends RequestLike = RequestLike> {
  /**
   * Whose request it is. Users keep to one replica then, and requests of one user at once cannot lose each
   * other's tokens within this process.
   */
  readonly key?: ((request: Request) => string | undefined) | undefined
  /** `false`: only the header. Default: a cookie `quorate-session`. */
  readonly cookie?: false | CookieOptions | undefined
  /** `false`: only the cookie. Default `true`: the header is read, and set on each answer whose token moved. */
  readonly header?: boolean | undefined
}

const sessions = new WeakMap<object, Session>()

/**
 * Gives each request a session, which `db.read()` and `db.write()` find by themselves, and hands its token
 * on with the answer: also on streams and on error pages, since it is set when the headers are about to go.
 *
 * @example
 * ```ts
 * app.use(readYourWritesExpress(db))
 * app.get('/profile', async (request, response) => {
 *   const { rows } = await db.read((q) => q.query('select …'))
 *   response.json(rows[0])
 * })
 * ```
 */
export function readYourWritesExpress<Request extends RequestLike = RequestLike>(
  db: ReadYourWrites,
  { key, cookie = {}, header = true }: ExpressOptions<Request> = {},
): (request: Request, response: ResponseLike, next: (error?: unknown) => void) => void {
  if (cookie === false && !header) {
    throw new TypeError('Cannot carry tokens: cookie and header are both off; leave one of them on')
  }
  return (request, response, next) => {
    const session = db.session({ key: key?.(request), token: tokensOf(request, cookie, header) })
    sessions.set(request, session)
    let sent: string | undefined
    beforeHeaders(response, () => {
      if (!session.changed) return
      sent = session.token
      if (sent === undefined) return
      if (header) response.setHeader(SESSION_HEADER, sent)
      if (cookie !== false)
        response.appendHeader('Set-Cookie', cookieText(cookie, sent, request.secure === true))
    })
    response.once('close', () => {
      if (session.changed && session.token !== sent) db.reportLateToken()
    })
    db.run(session, next)
  }
}

/**
 * The session of a request, for code that has lost its asynchronous context: some parsers and event
 * handlers run outside it.
 */
export function sessionOf(request: object): Session | undefined {
  return sessions.get(request)
}

function tokensOf(request: RequestLike, cookie: false | CookieOptions, header: boolean): string[] {
  const tokens: string[] = []
  const fromHeader = header ? request.headers[SESSION_HEADER.toLowerCase()] : undefined
  if (typeof fromHeader === 'string' && fromHeader !== '') tokens.push(...fromHeader.split(/\s*,\s*/))
  const fromCookie = cookie === false ? undefined : cookieValue(request.headers['cookie'], cookie)
  if (fromCookie !== undefined && fromCookie !== '') tokens.push(fromCookie)
  return tokens
}
