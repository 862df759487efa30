/**
 * Read-your-writes for Express 5: the session's token travels in a cookie or a header.
 * @packageDocumentation
 */
export { type CarrierOptions, SESSION_HEADER } from '../http/carrier.ts'
export type { CookieOptions } from '../http/cookie.ts'
export type { RequestLike, ResponseLike } from '../http/node-session.ts'
export { sessionOf } from '../http/request-session.ts'
export { type ExpressOptions, type ExpressRequestLike, readYourWritesExpress } from './express.ts'
