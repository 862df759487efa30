import { systemClock } from '@quorate/core'
import { identifier, query, withClient } from '../postgres/sql.ts'
import { sharedServer, whenFileEnds } from './shared-server.ts'

/** A database of one test file. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string
  /** Address on the primary, as `pg` takes it. */
  readonly url: string
  /** Addresses on the two streaming replicas, which have the database already. */
  readonly replicaUrls: readonly [string, string]
}

const REPLICA_DEADLINE_MS = 20_000

/**
 * A fresh, empty database on the run's shared Postgres, dropped after the test file. Call it at the top
 * of a test file or in `beforeAll`.
 *
 * @throws Error when the shared servers do not run; the message says why.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = sharedServer('postgres')
  const name = await createDatabase(server.url)
  await Promise.all(server.replicaUrls.map((url) => databaseArrived(url, name)))
  let dropping: Promise<void> | undefined
  const drop = (): Promise<void> => (dropping ??= dropDatabase(server.url, name))
  whenFileEnds(drop)
  const replicaUrls = server.replicaUrls.map((url) => inDatabase(url, name))
  return {
    name,
    url: inDatabase(server.url, name),
    replicaUrls: replicaUrls as unknown as readonly [string, string],
    [Symbol.asyncDispose]: drop,
  }
}

/** Named by a sequence of the server, so that files that run at once never meet. */
async function createDatabase(url: string): Promise<string> {
  return withClient(url, async (client) => {
    await client.query('CREATE SEQUENCE IF NOT EXISTS quorate_test_databases').catch(ignoreDuplicate)
    const { rows } = await client.query<{ name: string }>(
      `SELECT 'test_' || nextval('quorate_test_databases') AS name`,
    )
    const name = rows[0]?.name ?? 'test'
    await client.query(`CREATE DATABASE ${identifier(name)}`)
    return name
  })
}

/** Two sessions that create one thing at once both look, find nothing, and one of them fails. */
function ignoreDuplicate(error: unknown): void {
  const { code } = error as { code?: string }
  if (code !== '23505' && code !== '42P07') throw error
}

async function dropDatabase(url: string, name: string): Promise<void> {
  await query(url, `DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`)
}

async function databaseArrived(url: string, name: string): Promise<void> {
  const deadlineMs = systemClock.monotonic() + REPLICA_DEADLINE_MS
  await withClient(url, async (client) => {
    for (;;) {
      const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
      if (rowCount === 1) return
      if (systemClock.monotonic() > deadlineMs) {
        throw new Error(`Database ${name} did not reach a replica within ${REPLICA_DEADLINE_MS} ms`)
      }
      await systemClock.sleep(3)
    }
  })
}

function inDatabase(url: string, name: string): string {
  const address = new URL(url)
  address.pathname = `/${name}`
  return address.href
}
