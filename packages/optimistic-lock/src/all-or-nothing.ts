import { invariant } from '@quorate/core'
import { adjustAllRows, adjustRow, type Bounds, type Item, type ItemColumns, MAX_ITEMS } from './adjust.ts'
import type { Shape } from './names.ts'
import type { Answer } from './session.ts'
import type { Statement } from './statements.ts'
import type { KeyValues } from './types.ts'

/** What became of an all-or-nothing adjustment. */
export type Verdict =
  | { readonly granted: true; readonly rows: readonly object[] }
  | {
      readonly granted: false
      readonly short: readonly { readonly key: KeyValues; readonly row: object | undefined }[]
    }

/**
 * Adjusts all rows or none.
 *
 * @throws RangeError for more than {@link MAX_ITEMS} items.
 */
export async function adjustAll(
  method: string,
  shape: Shape,
  items: readonly Item[],
  bounds: Bounds,
  write: <R>(statement: Statement) => Promise<Answer<R>>,
): Promise<Verdict> {
  if (items.length > MAX_ITEMS) {
    throw new RangeError(`Cannot ${method}: at most ${MAX_ITEMS} items in one call, got ${items.length}`)
  }
  const [only] = items
  if (only === undefined) return { granted: true, rows: [] }
  if (items.length === 1) {
    // The plain statement costs a fifth. What it refuses is judged again below, on the locked row.
    const { rows } = await write<object>(adjustRow(shape, only.key, only.deltas, bounds))
    if (rows.length > 0) return { granted: true, rows }
  }
  const found = await write<ItemColumns>(adjustAllRows(shape, items, bounds))
  return judge(
    found.rows,
    items.map(({ key }) => key),
  )
}

/**
 * Reads the answer of `adjustAllRows()`: the rows changed, or else all rows that were found. One row may be
 * that of several items; it is told once, at the place of the first.
 *
 * @param keys of the items, in their order.
 */
export function judge(found: readonly ItemColumns[], keys: readonly KeyValues[]): Verdict {
  const byItem = new Map<number, ItemColumns>()
  for (const columns of found) {
    for (const index of columns.quorateitems.split(',')) byItem.set(Number(index), columns)
  }
  if (found.some(({ quoratedone }) => quoratedone)) {
    invariant(byItem.size === keys.length, 'all rows or none are changed')
    return { granted: true, rows: [...new Set(keys.map((_, index) => byItem.get(index)))].map(rowOf) }
  }
  // If all had enough and nothing was done, a trigger or a policy of the table refused.
  const vetoed = byItem.size === keys.length && found.every(({ quorateenough }) => quorateenough)
  const seen = new Set<unknown>()
  const short = keys.flatMap((key, index) => {
    const columns = byItem.get(index)
    const identity = columns ?? JSON.stringify(Object.values(key).map(spellingOf))
    if (seen.has(identity) || (columns?.quorateenough === true && !vetoed)) return []
    seen.add(identity)
    return [{ key, row: columns === undefined ? undefined : rowOf(columns) }]
  })
  return { granted: false, short }
}

/** `1` and `'1'` are one key, `['a,b']` and `['a', 'b']` are two. */
function spellingOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return `\0${JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))}`
}

/** The row without our columns. */
function rowOf(columns: ItemColumns | undefined): object {
  const { quorateitems: _items, quoratedone: _done, quorateenough: _enough, ...row } = columns as ItemColumns
  return row
}
