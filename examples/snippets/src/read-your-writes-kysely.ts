// An Express service that asks its database with Kysely: its queries stay as they are.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { localCluster } from '@quorate/local-cluster'
import { readYourWrites } from '@quorate/read-your-writes'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import { readYourWritesDialect, routed } from '@quorate/read-your-writes/kysely'
import express from 'express'
import { Kysely } from 'kysely'
import pg from 'pg'

interface Database {
  profile: { id: string; name: string }
}

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
    if (event.type === 'read') console.log('  read from', event.target)
    if (event.type === 'write') console.log('  write on primary')
  },
})
await db.ready()
const kysely = new Kysely<Database>({ dialect: readYourWritesDialect({ db }) })
const strong = kysely.withPlugin(routed({ level: 'strong' }))

console.log('migration:')
await kysely.schema
  .createTable('profile')
  .addColumn('id', 'text', (column) => column.primaryKey())
  .addColumn('name', 'text', (column) => column.notNull())
  .execute()

const app = express()
app.use(readYourWritesExpress(db))
app.put('/profile/:id/:name', (request, response, next) => {
  const { id, name } = request.params
  kysely
    .transaction()
    .execute(async (trx) => {
      await trx.deleteFrom('profile').where('id', '=', id).execute()
      await trx.insertInto('profile').values({ id, name }).execute()
    })
    .then(() => response.sendStatus(204), next)
})
app.get('/profile/:id', (request, response, next) => {
  const profiles = request.query['for'] === 'admin' ? strong : kysely
  profiles
    .selectFrom('profile')
    .selectAll()
    .where('id', '=', request.params.id)
    .executeTakeFirstOrThrow()
    .then((profile) => response.json(profile), next)
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

// What a browser does: it keeps the cookie.
console.log('PUT /profile/ann/Ann:')
const put = await fetch(`${site}/profile/ann/Ann`, { method: 'PUT' })
const cookie = put.headers.getSetCookie()[0]?.split(';')[0] ?? ''
console.log(' ', put.status, cookie.split('=')[0])
console.log('GET /profile/ann:')
const own = await fetch(`${site}/profile/ann`, { headers: { cookie } })
console.log(' ', own.status, await own.json())
console.log('GET /profile/ann?for=admin:')
const admin = await fetch(`${site}/profile/ann?for=admin`)
console.log(' ', admin.status, await admin.json())

server.close()
server.closeAllConnections()
await db.stop()
await Promise.all(pools.map((pool) => pool.end()))
