import pg from 'pg'

/** Runs one statement on a connection of its own. */
export async function sql<Row = Record<string, unknown>>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows as Row[]
  } finally {
    await client.end()
  }
}

/** Numbers in the table `items`. */
export async function items(url: string): Promise<number[]> {
  const rows = await sql<{ id: number }>(url, 'SELECT id FROM items ORDER BY id')
  return rows.map(({ id }) => id)
}

/** Polls until it is so; the test's own time limit is the deadline. */
export async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (;;) {
    try {
      if (await isSo()) return
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
