import type { Conflicts } from './conflicts.ts'
import { RowGoneError, WriteUnknownError } from './errors.ts'
import { keyValuesOf } from './key-values.ts'
import type { Shape } from './names.ts'
import type { Answer } from './session.ts'
import { insertRow, selectRow, type Statement } from './statements.ts'
import { describeKey, type KeyColumn, selectStored } from './stored-key.ts'
import type { TableFacts } from './table-check.ts'
import type { KeyValues } from './types.ts'

/**
 * What became of an insert.
 * - `found`: the key is taken, by this row; `undefined` if the database chose the key.
 * - `unseen`: the key is taken, and the row could not be read.
 */
export type InsertOutcome<Row> =
  | { readonly type: 'inserted'; readonly row: Row }
  | { readonly type: 'found'; readonly key: KeyValues; readonly row: Row | undefined }
  | { readonly type: 'unseen'; readonly key: KeyValues; readonly cause: unknown }

/** What it needs of its repository. */
interface Ways {
  readonly shape: Shape
  readonly conflicts: Conflicts
  readonly facts: () => Promise<TableFacts | undefined>
  readonly read: <R>(statement: Statement) => Promise<Answer<R>>
  readonly write: <R>(statement: Statement) => Promise<Answer<R>>
}

/**
 * How often a row that is in the way may be gone when it is looked for. Where 24 callers make and delete the same row as
 * fast as they can, it is in one try of ten.
 */
const MAX_ATTEMPTS = 20

/**
 * Makes the row, or finds the one that has its key. A conflict with a row that is not there is tried again: it was
 * deleted in between, or it has another key by now, such as the one given was rounded to. Only once where a
 * trigger or a policy may be why: the first of these may do something each time.
 *
 * @throws WriteRefusedError if the database skipped the insert without an error.
 */
export async function insertOrFind<Row extends object>(
  action: string,
  values: KeyValues,
  ways: Ways,
): Promise<InsertOutcome<Row>> {
  const { shape, conflicts, facts, write } = ways
  const isBlind = shape.by === 'xmin' && (await facts())?.isPartitioned === true
  const statement = insertRow(shape, values, isBlind ? '*' : undefined)
  const isKeyGiven = shape.key.every((column) => values[column] !== undefined)
  const key = isKeyGiven ? keyValuesOf(action, shape.label, shape.key, values) : {}
  for (let attempt = 1; ; attempt++) {
    const { rows } = await write<Row>(statement)
    const [row] = rows
    if (row !== undefined) return { type: 'inserted', row: isBlind ? await readBack(row, ways) : row }
    if (!isKeyGiven) return { type: 'found', key, row: undefined }
    try {
      const found = await find<Row>(key, attempt > 1, ways)
      if (found === 'gone' && attempt < MAX_ATTEMPTS) continue
      if (typeof found === 'object') return { type: 'found', key, row: found }
    } catch (cause) {
      return { type: 'unseen', key, cause }
    }
    throw conflicts.refused(action, key)
  }
}

/**
 * @param isStored also by what its columns make of the key.
 * @returns `skipped` if the insert may have met no row.
 */
async function find<Row extends object>(
  key: KeyValues,
  isStored: boolean,
  { shape, read }: Ways,
): Promise<Row | 'gone' | 'skipped'> {
  const { rows } = await read<Row>(selectRow(shape, key))
  if (rows[0] !== undefined || !isStored) return rows[0] ?? 'gone'
  const columns = await read<KeyColumn>(describeKey(shape))
  const statement = selectStored(shape, key, columns.rows)
  if (statement === undefined) return 'skipped'
  const stored = await read<Row>(statement)
  return stored.rows[0] ?? (columns.rows.some(({ guarded }) => guarded) ? 'skipped' : 'gone')
}

/** A row of a partitioned table, with the `xmin` that its insert could not return. */
async function readBack<Row extends object>(inserted: Row, { shape, read }: Ways): Promise<Row> {
  const facts = { action: 'insert', table: shape.label }
  const key = keyValuesOf('insert', shape.label, shape.key, inserted)
  try {
    const { rows } = await read<Row>(selectRow(shape, key))
    if (rows[0] !== undefined) return rows[0]
  } catch (cause) {
    throw new WriteUnknownError({ ...facts, cause })
  }
  throw new WriteUnknownError({ ...facts, cause: new RowGoneError({ ...facts, action: 'read back', key }) })
}
