import { emit, waitOrAbort } from '@quorate/core'
import { adjustAllRows, adjustRow, MAX_ITEMS, toDeltas, type Deltas, type ItemColumns } from './adjust.ts'
import { judge } from './all-or-nothing.ts'
import { RowExistsError, RowGoneError, StaleVersionError } from './errors.ts'
import type { OptimisticEvent } from './events.ts'
import { keyValuesOf } from './key-values.ts'
import { mutate } from './mutate.ts'
import { checkShape, type Shape } from './names.ts'
import { checkAdjustOptions, signalOf } from './options.ts'
import { deleteRow, insertRow, selectRow, selectVersion, updateRow, type Statement } from './statements.ts'
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
    const key = this.#key('update', from)
    const expected = this.#version('update', from)
    for (const column of [...this.#shape.key, this.#shape.version]) {
      if ((changes as KeyValues)[column] !== undefined) {
        throw new TypeError(`Cannot update ${this.#shape.label}: changes must not contain ${column}`)
      }
    }
    const statement = updateRow(this.#shape, from, changes as KeyValues)
    const row = await this.#conditional<Row<T>>('update', statement, key, expected, signal)
    if (row !== undefined) return row
    emit<OptimisticEvent>(this.#parts.options.onEvent, () => ({
      type: 'gone',
      table: this.#shape.label,
      key,
    }))
    throw new RowGoneError({ action: 'update', table: this.#shape.label, key })
  }

  async delete(from: VersionedKeyOf<T>, options: CallOptions = {}): Promise<boolean> {
    const signal = signalOf('delete', options)
    const key = this.#key('delete', from)
    const expected = this.#version('delete', from)
    const statement = deleteRow(this.#shape, from)
    const deleted = await this.#conditional('delete', statement, key, expected, signal)
    return deleted !== undefined
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
    action: 'update' | 'delete',
    statement: Statement,
    key: KeyValues,
    expected: Version,
    signal: AbortSignal | undefined,
  ): Promise<R | undefined> {
    const [row] = await this.#write<R>(action, statement, signal)
    if (row !== undefined) return row
    // A second statement, because only a new snapshot sees what the winner committed.
    const actual = await this.#read<{ version: Version }>(selectVersion(this.#shape, key), signal).then(
      ([latest]) => ({ version: latest?.version, cause: undefined, gone: latest === undefined }),
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

  #key(method: string, values: object): KeyValues {
    return keyValuesOf(method, this.#shape.label, this.#shape.key, values)
  }

  #version(method: string, row: object): Version {
    const { label, version } = this.#shape
    const value = (row as KeyValues)[version]
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') return value
    throw new TypeError(
      `Cannot ${method} a row of ${label}: it must carry its version in ${version}, got ${String(value)}; read it with get()`,
    )
  }

  #reportShort(keys: readonly KeyValues[]): void {
    emit<OptimisticEvent>(this.#parts.options.onEvent, () => ({
      type: 'short',
      table: this.#shape.label,
      keys,
    }))
  }
}
