import type { Socket } from 'node:net'
import pg from 'pg'
import { Line, NotSentError, type MakeRegisters } from './registers.ts'

const TABLE = 'CREATE TABLE IF NOT EXISTS registers (key text PRIMARY KEY, value int NOT NULL)'
const WRITE = 'INSERT INTO registers VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value'
const READ = 'SELECT value FROM registers WHERE key = $1'

/** To be called on the primary before anything else. */
export async function createRegisters(url: string): Promise<void> {
  const client = await connected({ connectionString: url })
  await client.query(TABLE)
  await client.end()
}

/** Rows of a table. One statement each, committed by itself. */
export const postgresRegisters: MakeRegisters = (ports, deadlineMs) => {
  const lineTo = (port: number): Line<pg.Client> =>
    new Line({
      deadlineMs,
      open: () => connected({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }),
      destroy: (client) => streamOf(client).destroy(),
    })
  const lines = { primary: lineTo(ports.primary), replica: lineTo(ports.replica) }
  return {
    write: (key, value) =>
      lines.primary.use(async (client) => {
        await client.query(WRITE, [key, value]).catch(refused)
      }),
    read: (place, key) =>
      lines[place].use(async (client) => {
        const { rows } = await client.query<{ value: number }>(READ, [key])
        return rows[0]?.value ?? null
      }),
    close: () => {
      lines.primary.close()
      lines.replica.close()
    },
  }
}

async function connected(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config)
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    streamOf(client).destroy()
    throw error
  }
  return client
}

/** A statement that the server refused is undone; a server that goes down says so even after a commit. */
function refused(error: unknown): never {
  const code = error instanceof pg.DatabaseError ? (error.code ?? '') : ''
  if (code === '' || code.startsWith('57P') || code.startsWith('08')) throw error
  throw new NotSentError('refused', { cause: error })
}

/** `end()` is polite and waits for an answer, which a cut link never lets through. */
function streamOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}
