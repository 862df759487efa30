import type { PgResult } from '../postgres/port.ts'

type Query = <Row = Record<string, unknown>>(
  text: string,
  values?: readonly unknown[],
) => Promise<Pick<PgResult<Row>, 'rows'>>

let opened = 0

/**
 * A cursor of the server, by SQL alone, so that it works with any driver. Only inside a transaction.
 *
 * @returns its name.
 */
export async function openCursor(query: Query, sql: string, values: readonly unknown[]): Promise<string> {
  const name = `quorate_stream_${++opened}`
  await query(`DECLARE ${name} NO SCROLL CURSOR FOR ${sql}`, values)
  return name
}

export async function fetchRows<Row>(query: Query, name: string, chunkSize: number): Promise<Row[]> {
  const { rows } = await query<Row>(`FETCH ${chunkSize} FROM ${name}`)
  return rows
}

/**
 * The rows of a cursor, chunk by chunk; the next is asked for when the one before has been taken.
 *
 * @param first chunk that was fetched already.
 */
export async function* chunksOf<Row>(
  query: Query,
  name: string,
  chunkSize: number,
  first?: Row[],
): AsyncGenerator<Row[], void, undefined> {
  let rows = first ?? (await fetchRows<Row>(query, name, chunkSize))
  for (;;) {
    if (rows.length > 0) yield rows
    if (rows.length < chunkSize) return
    rows = await fetchRows<Row>(query, name, chunkSize)
  }
}
