import { waitOrAbort } from '@quorate/core'
import { adjustRow, toDeltas, type Deltas } from './adjust.ts'
import { adjustAll } from './all-or-nothing.ts'
import { Conflicts } from './conflicts.ts'
import { RowExistsError } from './errors.ts'
import { insertOrFind, type InsertOutcome } from './insert.ts'
import { keyValuesOf } from './key-values.ts'
import { MAX_KEYS, type PlaceColumn, selectRows } from './lists.ts'
import { mutate } from './mutate.ts'
import { checkShape, type Shape } from './names.ts'
import { checkAdjustOptions, show, signalOf } from './options.ts'
import { differenceOf, versionIn } from './row-version.ts'
import type { Answer, RepositoryParts } from './session.ts'
import { deleteRow, selectRow, selectVersion, shareRow, updateRow, type Statement } from './statements.ts'
import { checkTable, type TableFacts } from './table-check.ts'
import type {
  AdjustAllResult,
  AdjustItem,
  AdjustOptions,
  CallOptions,
  GetOrInsertResult,
  KeyOf,
  KeyValues,
  OptimisticRepository,
  RepositoryTypes,
  VersionedKeyOf,
} from './types.ts'
import { sendRead, sendWrite } from './write.ts'

/** A repository over any adapter: the SQL and the decisions are here, the connection is the adapter's. */
export function createRepository<T extends RepositoryTypes>(
  parts: RepositoryParts<T>,
): OptimisticRepository<T> {
  const shape = checkShape(parts.shape)
  return new Repository<T>({ ...parts, shape }, { facts: undefined })
}

type Row<T extends RepositoryTypes> = T['row']

/** What a repository and those made from it know of its table. */
interface Known {
  facts: TableFacts | undefined
}

const NO_OPTIONS: CallOptions = {}

class Repository<T extends RepositoryTypes> implements OptimisticRepository<T> {
  readonly #parts: RepositoryParts<T>
  readonly #shape: Shape
  readonly #conflicts: Conflicts
  readonly #known: Known

  constructor(parts: RepositoryParts<T>, known: Known) {
    this.#parts = parts
    this.#shape = parts.shape
    this.#conflicts = new Conflicts(parts.shape, parts.options.onEvent)
    this.#known = known
  }

  withTransaction(transaction: T['transaction']): Repository<T> {
    return new Repository<T>({ ...this.#parts, session: this.#parts.bind(transaction) }, this.#known)
  }

  async get(key: KeyOf<T>, options: CallOptions = NO_OPTIONS): Promise<Row<T> | undefined> {
    const signal = signalOf('get', options)
    const statement = selectRow(this.#shape, this.#key('get', key))
    // Else a view would say that it has no column xmin, and the caller has named none.
    if (this.#shape.by === 'xmin') await this.#check(signal)
    const { rows } = await this.#read<Row<T>>(statement, signal)
    return rows[0]
  }

  async getMany(
    keys: readonly KeyOf<T>[],
    options: CallOptions = NO_OPTIONS,
  ): Promise<(Row<T> | undefined)[]> {
    const signal = signalOf('getMany', options)
    if (!Array.isArray(keys)) {
      throw new TypeError(`Cannot getMany: keys must be an array of keys, got ${show(keys)}`)
    }
    const wanted = keys.map((key: KeyOf<T>) => this.#key('getMany', key))
    if (wanted.length > MAX_KEYS) {
      throw new RangeError(`Cannot getMany: at most ${MAX_KEYS} keys in one call, got ${wanted.length}`)
    }
    signal?.throwIfAborted()
    if (wanted.length === 0) return []
    if (this.#shape.by === 'xmin') await this.#check(signal)
    const { rows } = await this.#read<PlaceColumn & Row<T>>(selectRows(this.#shape, wanted), signal)
    const found = new Map(rows.map(({ quorateitem, ...row }) => [quorateitem, row as Row<T>]))
    return wanted.map((_, index) => found.get(index + 1))
  }

  async insert(values: T['insert'], options: CallOptions = NO_OPTIONS): Promise<Row<T>> {
    const made = await this.#insert('insert', values, signalOf('insert', options))
    if (made.type === 'inserted') return made.row
    throw new RowExistsError({ table: this.#shape.label, key: made.key })
  }

  async getOrInsert(
    values: T['insert'] & KeyOf<T>,
    options: CallOptions = NO_OPTIONS,
  ): Promise<GetOrInsertResult<T>> {
    const signal = signalOf('getOrInsert', options)
    const row = await this.get(this.#key('getOrInsert', values) as KeyOf<T>, { signal })
    if (row !== undefined) return { inserted: false, row }
    const made = await this.#insert('getOrInsert', values, signal)
    if (made.type === 'unseen') throw made.cause
    return { inserted: made.type === 'inserted', row: made.row as Row<T> }
  }

  async update(
    from: VersionedKeyOf<T>,
    changes: T['changes'],
    options: CallOptions = NO_OPTIONS,
  ): Promise<Row<T>> {
    const signal = signalOf('update', options)
    const statement = updateRow(this.#shape, this.#row('update', from), changes as KeyValues)
    const row = await this.#conditional<Row<T>>('update', statement, from, signal)
    if (row !== undefined) return row
    throw this.#conflicts.gone('update', this.#key('update', from))
  }

  async delete(from: VersionedKeyOf<T>, options: CallOptions = NO_OPTIONS): Promise<boolean> {
    const signal = signalOf('delete', options)
    const statement = deleteRow(this.#shape, this.#row('delete', from))
    const deleted = await this.#conditional('delete', statement, from, signal)
    return deleted !== undefined
  }

  async validate(from: VersionedKeyOf<T>, options: CallOptions = NO_OPTIONS): Promise<void> {
    const signal = signalOf('validate', options)
    const statement = shareRow(this.#shape, this.#row('validate', from))
    if (!(await this.#parts.session.inTransaction())) {
      throw new TypeError(
        `Cannot validate a row of ${this.#shape.label}: the connection is in no transaction, which alone could keep it ` +
          `as it is; use withTransaction()`,
      )
    }
    const valid = await this.#conditional('validate', statement, from, signal)
    if (valid === undefined) throw this.#conflicts.gone('validate', this.#key('validate', from))
  }

  mutate: OptimisticRepository<T>['mutate'] = async (key, change, options = {}) =>
    mutate<T>(
      {
        repository: this,
        label: this.#shape.label,
        key,
        keyValues: this.#key('mutate', key),
        options: this.#parts.options,
        inTransaction: () => this.#parts.session.inTransaction(),
      },
      change,
      options,
    )

  async decrementIf(
    key: KeyOf<T>,
    amounts: object,
    options: AdjustOptions<T> = NO_OPTIONS,
  ): Promise<Row<T> | undefined> {
    return this.#adjust('decrementIf', key, toDeltas('decrementIf', amounts, -1), options)
  }

  async incrementIf(
    key: KeyOf<T>,
    amounts: object,
    options: AdjustOptions<T> = NO_OPTIONS,
  ): Promise<Row<T> | undefined> {
    return this.#adjust('incrementIf', key, toDeltas('incrementIf', amounts, 1), options)
  }

  async adjustIf(
    key: KeyOf<T>,
    deltas: object,
    options: AdjustOptions<T> = NO_OPTIONS,
  ): Promise<Row<T> | undefined> {
    return this.#adjust('adjustIf', key, toDeltas('adjustIf', deltas, 'signed'), options)
  }

  async decrementAllIf(
    items: readonly AdjustItem<T>[],
    options: AdjustOptions<T> = NO_OPTIONS,
  ): Promise<AdjustAllResult<T>> {
    return this.#adjustAll('decrementAllIf', items, -1, options)
  }

  async adjustAllIf(
    items: readonly AdjustItem<T>[],
    options: AdjustOptions<T> = NO_OPTIONS,
  ): Promise<AdjustAllResult<T>> {
    return this.#adjustAll('adjustAllIf', items, 'signed', options)
  }

  async #adjust(
    method: string,
    key: KeyOf<T>,
    deltas: Deltas,
    options: AdjustOptions<T>,
  ): Promise<Row<T> | undefined> {
    checkAdjustOptions(method, options)
    const keyValues = this.#key(method, key)
    const statement = adjustRow(this.#shape, keyValues, deltas, options)
    const { rows } = await this.#write<Row<T>>(method, statement, options.signal)
    this.#conflicts.requireOne(method, rows)
    if (rows[0] === undefined) this.#conflicts.short([keyValues])
    return rows[0]
  }

  async #adjustAll(
    method: string,
    items: readonly AdjustItem<T>[],
    sign: -1 | 'signed',
    options: AdjustOptions<T>,
  ): Promise<AdjustAllResult<T>> {
    checkAdjustOptions(method, options)
    if (!Array.isArray(items)) {
      throw new TypeError(`Cannot ${method}: items must be an array of { key, by }, got ${show(items)}`)
    }
    const wanted = items.map(({ key, by }) => ({
      key: this.#key(method, key),
      deltas: toDeltas(method, by, sign),
    }))
    const write = <R>(statement: Statement): Promise<Answer<R>> =>
      this.#write<R>(method, statement, options.signal)
    const verdict = await adjustAll(method, this.#shape, wanted, options, write)
    if (!verdict.granted) this.#conflicts.short(verdict.short.map(({ key }) => key))
    return verdict as AdjustAllResult<T>
  }

  #insert(
    action: string,
    values: T['insert'],
    signal: AbortSignal | undefined,
  ): Promise<InsertOutcome<Row<T>>> {
    const ways = {
      shape: this.#shape,
      conflicts: this.#conflicts,
      facts: () => this.#check(signal),
      read: <R>(statement: Statement) => this.#read<R>(statement, signal),
      write: <R>(statement: Statement) => this.#write<R>(action, statement, signal),
    }
    return insertOrFind<Row<T>>(action, values as KeyValues, ways)
  }

  /** First row of a conditional write; if there is none, `undefined` for "gone" or an error for "stale". */
  async #conditional<R>(
    action: 'update' | 'delete' | 'validate',
    statement: Statement,
    row: object,
    signal: AbortSignal | undefined,
  ): Promise<R | undefined> {
    const from = row as KeyValues
    const key = this.#key(action, from)
    const expected = versionIn(action, this.#shape, from)
    for (let attempt = 1; ; attempt++) {
      const { rows } = await this.#write<R>(action, statement, signal)
      this.#conflicts.requireOne(action, rows)
      if (rows[0] !== undefined) return rows[0]
      const found = await this.#look(key, signal)
      if (found.type === 'gone') return undefined
      if (found.type === 'unseen') throw this.#conflicts.stale(action, key, { expected }, found.cause)
      const difference = differenceOf(this.#shape, from, expected, found.row)
      if (difference !== undefined) throw this.#conflicts.stale(action, key, difference)
      // Changed and changed back between the two statements; or the database holds the write back, and will again.
      if (attempt > 1) throw this.#conflicts.refused(action, key)
    }
  }

  /** A second statement, because only a new snapshot sees what the winner committed. */
  async #look(
    key: KeyValues,
    signal: AbortSignal | undefined,
  ): Promise<{ type: 'row'; row: KeyValues } | { type: 'gone' } | { type: 'unseen'; cause: unknown }> {
    try {
      const { rows } = await this.#read<KeyValues>(selectVersion(this.#shape, key), signal)
      const [row] = rows
      return row === undefined ? { type: 'gone' } : { type: 'row', row }
    } catch (cause) {
      return { type: 'unseen', cause }
    }
  }

  #read<R>(statement: Statement, signal: AbortSignal | undefined): Promise<Answer<R>> {
    return sendRead<R>(this.#parts.session, statement, signal)
  }

  #write<R>(action: string, statement: Statement, signal: AbortSignal | undefined): Promise<Answer<R>> {
    const { session, options } = this.#parts
    const { clock, random } = options
    const facts = { action, table: this.#shape.label, signal, clock, random }
    if (this.#known.facts !== undefined) return sendWrite<R>(session, statement, facts)
    return this.#check(signal).then(() => sendWrite<R>(session, statement, facts))
  }

  /** Once, before the first write to a table that is there: it may be made after this process has started. */
  async #check(signal: AbortSignal | undefined): Promise<TableFacts | undefined> {
    signal?.throwIfAborted()
    return (this.#known.facts ??= await waitOrAbort(checkTable(this.#parts.session, this.#shape), signal))
  }

  /** What is no object has no key either, which is the better message. */
  #row<R extends object>(method: string, from: R): R {
    if (typeof from !== 'object' || from === null) this.#key(method, from)
    return from
  }

  #key(method: string, values: object): KeyValues {
    return keyValuesOf(method, this.#shape.label, this.#shape.key, values)
  }
}
