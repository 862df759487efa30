// Drizzle over a primary and a replica: its queries run on the connection that the router lends.
import { localCluster } from '@quorate/local-cluster'
import { readYourWrites, type Queryable } from '@quorate/read-your-writes'
import { eq, sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import pg from 'pg'

const profile = pgTable('profile', {
  id: text().primaryKey(),
  name: text().notNull(),
  since: timestamp({ withTimezone: true }).notNull(),
})
/** Of the client that Drizzle asks for it calls `query()` only. */
const on = (client: Queryable): NodePgDatabase => drizzle({ client: client as unknown as pg.PoolClient })

await using cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
const { primary, replicas } = cluster.postgres.main
const poolOf = (port: number): pg.Pool => new pg.Pool({ host: '127.0.0.1', port, user: 'postgres' })
const pools = [poolOf(primary.port), poolOf(replicas[0].port)] as const

const db = readYourWrites({
  primary: pools[0],
  replicas: [{ id: 'r1', pool: pools[1] }],
  secret: 'change me: at least 16 bytes',
  waitMs: 10_000, // rather wait for the replica than ask the primary
  maxLagMs: 10_000,
  probeDeadlineMs: 5_000, // a busy laptop is not a dead replica
  onEvent: (event) => {
    if (event.type === 'read') console.log(' read from', event.target)
    if (event.type === 'write') console.log(' write on primary')
  },
})
await db.ready()
const session = db.session({ key: 'ann' })

console.log('migration:')
await db.write(
  (tx) =>
    on(tx).execute(
      sql`CREATE TABLE profile (id text PRIMARY KEY, name text NOT NULL, since timestamptz NOT NULL)`,
    ),
  { session },
)

console.log('insert, and update in a savepoint:')
await db.write(
  async (tx) => {
    await on(tx)
      .insert(profile)
      .values({ id: 'ann', name: 'Ann', since: new Date('2026-01-01T00:00:00Z') })
    await on(tx).execute(sql`SAVEPOINT rename`)
    await on(tx).update(profile).set({ name: 'Anna' }).where(eq(profile.id, 'ann'))
    await on(tx).execute(sql`RELEASE rename`)
  },
  { session },
)

console.log('select:')
const rows = await db.read((q) => on(q).select().from(profile).where(eq(profile.id, 'ann')), { session })
console.log('', rows)

console.log('transaction() of its own, in a write:')
const refused = await db
  .write((tx) => on(tx).transaction((inner) => inner.delete(profile)), { session })
  .catch((error: unknown) => error)
console.log('', refused instanceof Error && refused.cause instanceof TypeError ? 'refused' : refused)

await db.stop()
await Promise.all(pools.map((pool) => pool.end()))
