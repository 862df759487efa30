import type { Socket } from 'node:net'
import { systemClock } from '@quorate/core'
import pg from 'pg'

const CONNECT_MS = 5_000
/** For one statement; no server of ours needs so long, unless it is frozen. */
const QUERY_MS = 60_000
/** For the farewell. */
const END_MS = 1_000

/** Runs one statement on a connection of its own. */
export async function query<Row>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
  signal?: AbortSignal,
): Promise<Row[]> {
  const use = async (client: pg.Client): Promise<Row[]> => {
    const result = await client.query(text, [...values])
    return result.rows as Row[]
  }
  return withClient(url, use, signal)
}

/**
 * Lends a connection of its own to `use`. A server that dies meanwhile is `use`'s error, not a crash; one that is
 * frozen keeps nobody for ever.
 *
 * @throws `signal.reason` when aborted.
 */
export async function withClient<T>(
  url: string,
  use: (client: pg.Client) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted()
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
  })
  client.on('error', () => {})
  const cut = (): void => void streamOf(client).destroy(new Error('aborted'))
  signal?.addEventListener('abort', cut, { once: true })
  try {
    await client.connect()
    try {
      return await use(client)
    } finally {
      await end(client)
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', cut)
  }
}

/** A server that is frozen does not answer a farewell either. */
async function end(client: pg.Client): Promise<void> {
  const ended = new AbortController()
  const late = systemClock.sleep(END_MS, { signal: ended.signal }).then(
    () => void streamOf(client).destroy(),
    () => {},
  )
  await Promise.race([client.end().catch(() => {}), late])
  ended.abort()
}

function streamOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}

/** An identifier, quoted. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Address of a database on this machine. */
export function postgresUrl(port: number, database = 'postgres'): string {
  return `postgres://postgres@127.0.0.1:${port}/${encodeURIComponent(database)}`
}
