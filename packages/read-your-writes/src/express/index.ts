/**
 * Read-your-writes for Express 5: the session's token travels in a cookie or a header.
 * @packageDocumentation
 */
export {
  type ExpressOptions,
  readYourWritesExpress,
  type RequestLike,
  type ResponseLike,
  SESSION_HEADER,
  sessionOf,
} from './express.ts'
