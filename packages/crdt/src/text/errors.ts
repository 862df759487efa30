/** The brand of `@quorate/core`, so that its `isQuorateError` knows these errors without a dependency. */
const BRAND = /* @__PURE__ */ Symbol.for('quorate.error')

/**
 * More edits wait for edits before them than `maxPending` allows. Nothing was merged, what waits goes on waiting.
 * Ask a peer for `deltaSince(text.version)`, which has no gaps, and merge that instead.
 */
export class PendingOverflowError extends Error {
  readonly code = 'QUORATE_CRDT_PENDING_OVERFLOW'
  readonly outcome = 'not-applied'
  /** Characters and deletions that would have had to wait. */
  readonly pending: number
  readonly maxPending: number

  constructor(pending: number, maxPending: number) {
    super(
      `Cannot merge into a text: ${pending} edits would wait for earlier ones, at most ${maxPending} may; ask a peer for deltaSince(version) and merge that`,
    )
    this.name = 'PendingOverflowError'
    this.pending = pending
    this.maxPending = maxPending
    Object.defineProperty(this, BRAND, { value: true })
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
    this.name = 'TextHistoryError'
    Object.defineProperty(this, BRAND, { value: true })
  }
}
