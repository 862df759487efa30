import { QuorateError } from '@quorate/core'

/** Nothing was written, because `If-Match` names no version that the row has now. Answer 412. */
export class PreconditionFailedError extends QuorateError {
  readonly code = 'QUORATE_PRECONDITION_FAILED'
  readonly statusCode = 412
  /** The row's tag now, if it is there and known. */
  readonly etag: string | undefined

  constructor({ etag, cause }: { etag: string | undefined; cause?: unknown }) {
    super(
      `Cannot write: If-Match names another version than the row's, which is ${etag ?? 'gone or unknown'}; ` +
        `get it again and decide again`,
      { outcome: 'not-applied', cause },
    )
    this.etag = etag
  }
}

/** The request carries no `If-Match`, and may not do without (RFC 6585, 3). Answer 428. */
export class PreconditionRequiredError extends QuorateError {
  readonly code = 'QUORATE_PRECONDITION_REQUIRED'
  readonly statusCode = 428

  constructor() {
    super(
      'Cannot write: the request has no If-Match, expected the ETag that it was decided on; get the row first',
      {
        outcome: 'not-applied',
      },
    )
  }
}

/** The request's `If-Match` is no list of entity tags. Answer 400. */
export class MalformedIfMatchError extends QuorateError {
  readonly code = 'QUORATE_IF_MATCH_MALFORMED'
  readonly statusCode = 400

  constructor() {
    super(
      'Cannot read If-Match: it is malformed, expected * or entity tags such as "3"; send the ETag as it came',
      {
        outcome: 'not-applied',
      },
    )
  }
}
