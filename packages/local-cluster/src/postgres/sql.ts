import pg from 'pg'

/** Runs one statement on a connection of its own. */
export async function query<Row>(url: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return withClient(url, async (client) => {
    const result = await client.query(text, [...values])
    return result.rows as Row[]
  })
}

/** Lends a connection of its own to `use`. A server that dies meanwhile is `use`'s error, not a crash. */
export async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end().catch(() => {})
  }
}

/** An identifier, quoted. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Address of a database on this machine. */
export function postgresUrl(port: number, database = 'postgres'): string {
  return `postgres://postgres@127.0.0.1:${port}/${encodeURIComponent(database)}`
}
