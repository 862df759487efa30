import { emit, waitOrAbort } from '@quorate/core'
import { adjustAllRows, adjustRow, MAX_ITEMS, toDeltas, type Deltas, type ItemColumns } from './adjust.ts'
import { judge } from './all-or-nothing.ts'
import { RowExistsError, RowGoneError, StaleVersionError } from './errors.ts'
import type { OptimisticEvent } from './events.ts'
import { keyValuesOf } from './key-values.ts'
import { mutate } from './mutate.ts'
import { checkShape, type Shape } from './names.ts'
import { checkAdjustOptions, signalOf } from './options.ts'
import {
  comparedColumns,
  deleteRow,
  insertRow,
  selectRow,
  selectVersion,
  shareRow,
  updateRow,
  type Statement,
} from './statements.ts'
import type {
  AdjustAllResult,
  AdjustItem,
  AdjustOptions,
  CallOptions,
  KeyOf,
  KeyValues,
  OptimisticRepository,
  RepositoryOptions,
  RepositoryTypes,
  Version,
  VersionedKeyOf,
} from './types.ts'
import { sendWrite } from './write.ts'

/** One connection, pool or transaction, as an adapter offers it. */
export interface SqlSession {
  /** Runs one statement; what it throws passes through to the caller. */
  run(statement: Statement): Promise<readonly unknown[]>
  /** True inside a transaction that the caller opened. */
  inTransaction(): boolean | Promise<boolean>
}

/** What an adapter provides to make a repository. */
export interface RepositoryParts<T extends RepositoryTypes> {
  readonly session: SqlSession
  readonly shape: Shape
  readonly bind: (transaction: T['transaction']) => SqlSession
  readonly options: RepositoryOptions
}

/** A repository over any adapter: the SQL and the decisions are here, the connection is the adapter's. */
export function createRepository<T extends RepositoryTypes>(
  parts: RepositoryParts<T>,
): OptimisticRepository<T> {
  return new Repository<T>({ ...parts, shape: checkShape(parts.shape) })
}

type Row<T extends RepositoryTypes> = T['row']

/** The row a conditional write is for. */
interface Target {
  readonly key: KeyValues
  readonly expected: Version
  /** As the caller gave it. */
  readonly from: KeyValues
}

class Repository<T extends RepositoryTypes> implements OptimisticRepository<T> {
  readonly #parts: RepositoryParts<T>

  constructor(parts: RepositoryParts<T>) {
    this.#parts = parts
  }

  withTransaction(transaction: T['transaction']): Repository<T> {
    return new Repository<T>({ ...this.#parts, session: this.#parts.bind(transaction) })
  }

  async get(key: KeyOf<T>, options: CallOptions = {}): Promise<Row<T> | undefined> {
    const signal = signalOf('get', options)
    const [row] = await this.#read<Row<T>>(selectRow(this.#shape, this.#key('get', key)), signal)
    return row
  }

  async insert(values: T['insert'], options: CallOptions = {}): Promise<Row<T>> {
    const signal = signalOf('insert', options)
    const key = this.#key('insert', values)
    const [row] = await this.#write<Row<T>>('insert', insertRow(this.#shape, values as KeyValues), signal)
    if (row === undefined) throw new RowExistsError({ table: this.#shape.label, key })
    return row
  }

  async update(from: VersionedKeyOf<T>, changes: T['changes'], options: CallOptions = {}): Promise<Row<T>> {
    const signal = signalOf('update', options)
    const target = this.#target('update', from)
    const fixed = this.#shape.by === 'values' ? this.#shape.key : [...this.#shape.key, this.#shape.version]
    for (const column of fixed) {
      if ((changes as KeyValues)[column] !== undefined) {
        throw new TypeError(`Cannot update ${this.#shape.label}: changes must not contain ${column}`)
      }
    }
    const statement = updateRow(this.#shape, from, changes as KeyValues)
    const row = await this.#conditional<Row<T>>('update', statement, target, signal)
    if (row !== undefined) return row
    throw this.#gone('update', target.key)
  }

  async delete(from: VersionedKeyOf<T>, options: CallOptions = {}): Promise<boolean> {
    const signal = signalOf('delete', options)
    const target = this.#target('delete', from)
    const statement = deleteRow(this.#shape, from)
    const deleted = await this.#conditional('delete', statement, target, signal)
    return deleted !== undefined
  }

  async validate(from: VersionedKeyOf<T>, options: CallOptions = {}): Promise<void> {
    const signal = signalOf('validate', options)
    const target = this.#target('validate', from)
    if (!(await this.#parts.session.inTransaction())) {
      throw new TypeError(
        `Cannot validate a row of ${this.#shape.label}: the connection is in no transaction, which alone could keep it ` +
          `as it is; use withTransaction()`,
      )
    }
    const valid = await this.#conditional('validate', shareRow(this.#shape, from), target, signal)
    if (valid === undefined) throw this.#gone('validate', target.key)
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
    options: AdjustOptions<T> = {},
  ): Promise<Row<T> | undefined> {
    return this.#adjust('decrementIf', key, toDeltas('decrementIf', amounts, -1), options)
  }

  async incrementIf(
    key: KeyOf<T>,
    amounts: object,
    options: AdjustOptions<T> = {},
  ): Promise<Row<T> | undefined> {
    return this.#adjust('incrementIf', key, toDeltas('incrementIf', amounts, 1), options)
  }

  async adjustIf(key: KeyOf<T>, deltas: object, options: AdjustOptions<T> = {}): Promise<Row<T> | undefined> {
    return this.#adjust('adjustIf', key, toDeltas('adjustIf', deltas, 'signed'), options)
  }

  async decrementAllIf(
    items: readonly AdjustItem<T>[],
    options: AdjustOptions<T> = {},
  ): Promise<AdjustAllResult<T>> {
    return this.#adjustAll('decrementAllIf', items, -1, options)
  }

  async adjustAllIf(
    items: readonly AdjustItem<T>[],
    options: AdjustOptions<T> = {},
  ): Promise<AdjustAllResult<T>> {
    return this.#adjustAll('adjustAllIf', items, 'signed', options)
  }

  get #shape(): Shape {
    return this.#parts.shape
  }

  async #adjust(
    method: string,
    key: KeyOf<T>,
    deltas: Deltas,
    options: AdjustOptions<T>,
  ): Promise<Row<T> | undefined> {
    checkAdjustOptions(method, options)
    const { signal, ...bounds } = options
    const keyValues = this.#key(method, key)
    const statement = adjustRow(this.#shape, keyValues, deltas, bounds)
    const [row] = await this.#write<Row<T>>(method, statement, signal)
    if (row === undefined) this.#reportShort([keyValues])
    return row
  }

  async #adjustAll(
    method: string,
    items: readonly AdjustItem<T>[],
    sign: -1 | 'signed',
    options: AdjustOptions<T>,
  ): Promise<AdjustAllResult<T>> {
    checkAdjustOptions(method, options)
    const { signal, ...bounds } = options
    const wanted = items.map(({ key, by }) => ({
      key: this.#key(method, key),
      deltas: toDeltas(method, by, sign),
    }))
    if (wanted.length > MAX_ITEMS) {
      throw new RangeError(`Cannot ${method}: at most ${MAX_ITEMS} items in one call, got ${wanted.length}`)
    }
    if (wanted.length === 0) return { granted: true, rows: [] }

    const [only] = wanted
    if (wanted.length === 1 && only !== undefined) {
      // The plain statement costs a fifth. What it refuses is judged again below, on the locked row.
      const plain = adjustRow(this.#shape, only.key, only.deltas, bounds)
      const [row] = await this.#write<Row<T>>(method, plain, signal)
      if (row !== undefined) return { granted: true, rows: [row] }
    }

    const statement = adjustAllRows(this.#shape, wanted, bounds)
    const found = await this.#write<ItemColumns>(method, statement, signal)
    const verdict = judge(
      found,
      wanted.map(({ key }) => key),
    )
    if (!verdict.granted) this.#reportShort(verdict.short.map(({ key }) => key))
    return verdict as AdjustAllResult<T>
  }

  /** First row of a conditional write; if there is none, `undefined` for "gone" or an error for "stale". */
  async #conditional<R>(
    action: 'update' | 'delete' | 'validate',
    statement: Statement,
    { key, expected, from }: Target,
    signal: AbortSignal | undefined,
  ): Promise<R | undefined> {
    const [row] = await this.#write<R>(action, statement, signal)
    if (row !== undefined) return row
    // A second statement, because only a new snapshot sees what the winner committed.
    const actual = await this.#read<KeyValues>(selectVersion(this.#shape, key), signal).then(
      ([latest]) => ({
        version: latest === undefined ? undefined : this.#versionFound(latest, from),
        cause: undefined,
        gone: latest === undefined,
      }),
      (cause: unknown) => ({ version: undefined, cause, gone: false }),
    )
    if (actual.gone) return undefined
    const facts = { table: this.#shape.label, key, expected, actual: actual.version }
    emit<OptimisticEvent>(this.#parts.options.onEvent, () => ({ type: 'stale', ...facts }))
    throw new StaleVersionError({ action, ...facts, cause: actual.cause })
  }

  async #read<R>(statement: Statement, signal: AbortSignal | undefined): Promise<readonly R[]> {
    signal?.throwIfAborted()
    return (await waitOrAbort(this.#parts.session.run(statement), signal)) as readonly R[]
  }

  async #write<R>(
    action: string,
    statement: Statement,
    signal: AbortSignal | undefined,
  ): Promise<readonly R[]> {
    const facts = { action, table: this.#shape.label, signal }
    return (await sendWrite(facts, () => this.#parts.session.run(statement))) as readonly R[]
  }

  #target(method: string, from: object): Target {
    const key = this.#key(method, from)
    return { key, expected: this.#version(method, from), from: from as KeyValues }
  }

  #key(method: string, values: object): KeyValues {
    return keyValuesOf(method, this.#shape.label, this.#shape.key, values)
  }

  /** What the caller's row says of its version, for the check and for messages. */
  #version(method: string, row: object): Version {
    const { label, version, by = 'number' } = this.#shape
    if (by === 'values') {
      const compared = comparedColumns(this.#shape, row as KeyValues)
      if (compared.length > 0) return textOf(row as KeyValues, compared)
      throw new TypeError(
        `Cannot ${method} a row of ${label}: it must carry the values it was read with; use get()`,
      )
    }
    const value = (row as KeyValues)[version]
    if (value instanceof Date && by === 'time') return value.toISOString()
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') return value
    throw new TypeError(
      `Cannot ${method} a row of ${label}: it must carry its version in ${version}, got ${String(value)}; read it with get()`,
    )
  }

  /** The version of the row as it is by now, in the words of {@link #version}. */
  #versionFound(latest: KeyValues, from: KeyValues): Version {
    if (this.#shape.by === 'values') return textOf(latest, comparedColumns(this.#shape, from))
    const version = latest['version']
    return version instanceof Date ? version.toISOString() : (version as Version)
  }

  #gone(action: string, key: KeyValues): RowGoneError {
    const table = this.#shape.label
    emit<OptimisticEvent>(this.#parts.options.onEvent, () => ({ type: 'gone', table, key }))
    return new RowGoneError({ action, table, key })
  }

  #reportShort(keys: readonly KeyValues[]): void {
    emit<OptimisticEvent>(this.#parts.options.onEvent, () => ({
      type: 'short',
      table: this.#shape.label,
      keys,
    }))
  }
}

/** Old values as one text. */
function textOf(row: KeyValues, columns: readonly string[]): string {
  const values = Object.fromEntries(columns.map((column) => [column, row[column]]))
  return JSON.stringify(values, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}
