/**
 * Read-your-writes for Hono 4, on Node and wherever there is `AsyncLocalStorage`: the session's token travels in a
 * cookie or a header.
 * @packageDocumentation
 */
export { type CarrierOptions, SESSION_HEADER } from '../http/carrier.ts'
export type { CookieOptions } from '../http/cookie.ts'
export { sessionOf } from '../http/request-session.ts'
export { type HonoOptions, type ReadYourWritesVariables, readYourWritesHono } from './hono.ts'
