import { emit, type EventListener } from '@quorate/core'
import { RowGoneError, StaleVersionError, WriteRefusedError, WriteUnknownError } from './errors.ts'
import type { OptimisticEvent } from './events.ts'
import type { Shape } from './names.ts'
import type { VersionPair } from './row-version.ts'
import type { KeyValues } from './types.ts'

/** What a repository tells of a write that was not made: an event to the listener, and the error to throw. */
export class Conflicts {
  readonly #shape: Shape
  readonly #onEvent: EventListener<OptimisticEvent> | undefined

  constructor(shape: Shape, onEvent: EventListener<OptimisticEvent> | undefined) {
    this.#shape = shape
    this.#onEvent = onEvent
  }

  stale(
    action: string,
    key: KeyValues,
    { expected, actual }: Partial<VersionPair> & Pick<VersionPair, 'expected'>,
    cause?: unknown,
  ): StaleVersionError {
    const facts = { table: this.#shape.label, key, expected, actual }
    emit<OptimisticEvent>(this.#onEvent, () => ({ type: 'stale', ...facts }))
    return new StaleVersionError({ action, ...facts, versionKind: this.#shape.by, cause })
  }

  gone(action: string, key: KeyValues): RowGoneError {
    const table = this.#shape.label
    emit<OptimisticEvent>(this.#onEvent, () => ({ type: 'gone', table, key }))
    return new RowGoneError({ action, table, key })
  }

  refused(action: string, key: KeyValues): WriteRefusedError {
    const table = this.#shape.label
    emit<OptimisticEvent>(this.#onEvent, () => ({ type: 'refused', table, key }))
    return new WriteRefusedError({ action, table, key })
  }

  /** Counters that have too little: that is an answer and no error. */
  short(keys: readonly KeyValues[]): void {
    emit<OptimisticEvent>(this.#onEvent, () => ({ type: 'short', table: this.#shape.label, keys }))
  }

  /**
   * Of a view the catalog does not know that a key is unique. By now all of the rows are changed.
   *
   * @throws WriteUnknownError for more rows than one.
   */
  requireOne(action: string, { length }: readonly unknown[]): void {
    if (length <= 1 || action === 'validate') return
    const table = this.#shape.label
    const cause = new TypeError(
      `Cannot ${action} one row of ${table}: ${length} rows have this key, expected one; take a key that is unique`,
    )
    throw new WriteUnknownError({ action, table, cause })
  }
}
