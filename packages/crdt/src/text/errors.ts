import { brand } from '@quorate/vector-clock/codec'

/**
 * More edits wait for edits before them than `maxPending` allows. Nothing was merged, what waits goes on waiting.
 * Ask a peer for `deltaSince(text.version)`, which has no gaps, and merge that instead.
 */
export class PendingOverflowError extends Error {
  readonly code = 'QUORATE_CRDT_PENDING_OVERFLOW'
  readonly outcome = 'not-applied'
  /** Characters and deletions that would have had to wait. */
  declare readonly pending: number
  declare readonly maxPending: number

  constructor(pending: number, maxPending: number) {
    super(
      `Cannot merge into a text: ${pending} edits would wait for earlier ones, at most ${maxPending} may; ask a peer for deltaSince(version) and merge that`,
    )
    brand(this, 'PendingOverflowError', { pending, maxPending })
  }
}

/**
 * What the text was at that version is not known here any more: something deleted since was forgotten by `collect()`,
 * or was never here, as bytes do not hold what deleted characters were. Keep the copy that has lived through it, or
 * `toString()` of the versions you want to go back to.
 */
export class TextHistoryError extends Error {
  readonly code = 'QUORATE_CRDT_TEXT_HISTORY'
  readonly outcome = 'not-applied'

  constructor() {
    super(
      'Cannot read the text at that version: what was deleted since is not kept here; read it where it was edited, before collect()',
    )
    brand(this, 'TextHistoryError', {})
  }
}
