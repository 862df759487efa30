import { quoteTable } from '../names.ts'

declare const row: unique symbol

/** A table's name with the type of its rows. */
export interface Table<Row extends object> {
  readonly name: string
  /** Exists only for the compiler. */
  readonly [row]?: Row
}

/**
 * Names a table and says what its rows are.
 *
 * @param name `table` or `schema.table`, unquoted.
 * @throws TypeError for a name Postgres cannot hold.
 *
 * @example
 * ```ts
 * const stock = table<{ sku: string; available: number; version: number }>('shop.stock')
 * ```
 */
export function table<Row extends object>(name: string): Table<Row> {
  if (typeof name !== 'string')
    throw new TypeError(`Cannot name a table: its name must be a text, got ${typeof name}`)
  quoteTable(name)
  return { name }
}
