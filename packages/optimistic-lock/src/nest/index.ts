/**
 * `ETag` and `If-Match` in Nest.
 * @packageDocumentation
 */
export { IfMatchHeader, OptimisticLockFilter } from './nest.ts'
