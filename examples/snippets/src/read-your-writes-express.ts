// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 takes care of rejections
// An Express service on a replica that lags: who has written sees it at once, everybody else reads the replica.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { localCluster } from '@quorate/local-cluster'
import { readYourWrites } from '@quorate/read-your-writes'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import express from 'express'
import pg from 'pg'

await using cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
const { primary, replicas } = cluster.postgres.main
const poolOf = (port: number): pg.Pool => new pg.Pool({ host: '127.0.0.1', port, user: 'postgres' })
const pools = [poolOf(primary.port), poolOf(replicas[0].port)] as const
await pools[0].query(`CREATE TABLE profile (id text PRIMARY KEY, name text);
  INSERT INTO profile VALUES ('ann', 'Ann')`)
await replicas[0].caughtUp()
await replicas[0].pauseReplay() // as if it lagged, for as long as this runs

const db = readYourWrites({
  primary: pools[0],
  replicas: [{ id: 'r1', pool: pools[1] }],
  secret: 'change me: at least 16 bytes',
  waitMs: 0,
  maxLagMs: 60_000,
  probeDeadlineMs: 5_000, // a busy laptop is not a dead replica
  onEvent: (event) => {
    if (event.type !== 'read') return
    console.log(` read from ${event.target}${event.reason === undefined ? '' : `: r1 is ${event.reason}`}`)
  },
})
await db.ready()

const app = express()
app.use(readYourWritesExpress(db))
app.put('/profile/:id/:name', async ({ params }, response) => {
  await db.write((tx) => tx.query('UPDATE profile SET name = $2 WHERE id = $1', [params.id, params.name]))
  response.sendStatus(204)
})
app.get('/profile/:id', async ({ params }, response) => {
  const { rows } = await db.read((q) => q.query('SELECT name FROM profile WHERE id = $1', [params.id]))
  response.json(rows[0])
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

// What a browser does: it keeps the cookie.
console.log('PUT /profile/ann/Anna')
const put = await fetch(`${site}/profile/ann/Anna`, { method: 'PUT' })
const cookie = put.headers.getSetCookie()[0]?.split(';')[0] ?? ''
console.log('', put.status, cookie.split('=')[0])
console.log('GET /profile/ann, by the same browser')
const own = await fetch(`${site}/profile/ann`, { headers: { cookie } })
console.log('', own.status, await own.json())
console.log('GET /profile/ann, by another one')
const other = await fetch(`${site}/profile/ann`)
console.log('', other.status, await other.json())

server.closeAllConnections()
server.close()
await db.stop()
await Promise.all(pools.map((pool) => pool.end()))
