/**
 * Read-your-writes for Fastify 5: the session's token travels in a cookie or a header.
 * @packageDocumentation
 */
export { type CarrierOptions, SESSION_HEADER } from '../http/carrier.ts'
export type { CookieOptions } from '../http/cookie.ts'
export { sessionOf } from '../http/request-session.ts'
export { type FastifyOptions, readYourWritesFastify } from './fastify.ts'
