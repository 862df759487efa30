/**
 * Versions as entity tags: `ETag`, `If-Match` and `If-None-Match` for any framework.
 * @packageDocumentation
 */
export { answerTo, type ConflictAnswer } from './answer.ts'
export { MalformedIfMatchError, PreconditionFailedError, PreconditionRequiredError } from './errors.ts'
export {
  type EntityTag,
  etagOf,
  type IfMatch,
  isNotModified,
  matches,
  parseIfMatch,
  versionOfTag,
} from './etag.ts'
export { type IfMatchOptions, readIfMatch } from './if-match.ts'
export { type ConditionalWrite, deleteIfMatch, updateIfMatch } from './update-if-match.ts'
