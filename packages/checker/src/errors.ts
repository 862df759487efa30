/** The brand of `@quorate/core`, so that its `isQuorateError` knows these errors without a dependency. */
const BRAND = /* @__PURE__ */ Symbol.for('quorate.error')

/** A history cannot be read; nothing of it was used. */
export class HistoryFormatError extends Error {
  readonly code = 'QUORATE_HISTORY_FORMAT'
  readonly outcome = 'not-applied'
  /** The name that was given with the text. */
  readonly file: string
  /** From 1; `undefined` where no line is to blame. */
  readonly line: number | undefined
  readonly reason: string

  constructor(file: string, line: number | undefined, reason: string) {
    super(`Cannot read ${file}${line === undefined ? '' : `:${line}`}: ${reason}`)
    this.name = 'HistoryFormatError'
    this.file = file
    this.line = line
    this.reason = reason
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** A history was read, but is not one of the model: an operation it does not know, an input of the wrong shape. */
export class HistoryContentError extends Error {
  readonly code = 'QUORATE_HISTORY_CONTENT'
  readonly outcome = 'not-applied'
  /** Index of the operation. */
  readonly operation: number
  readonly line: number | undefined
  readonly reason: string

  constructor(operation: number, reason: string, line?: number) {
    super(`Cannot check operation #${operation}${line === undefined ? '' : ` (line ${line})`}: ${reason}`)
    this.name = 'HistoryContentError'
    this.operation = operation
    this.line = line
    this.reason = reason
    Object.defineProperty(this, BRAND, { value: true })
  }
}
