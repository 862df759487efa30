/**
 * `ETag` and `If-Match` in Express.
 * @packageDocumentation
 */
export {
  ifMatchOf,
  optimisticErrors,
  requireIfMatch,
  type RequestLike,
  type ResponseLike,
} from './express.ts'
