// A page and its API on another origin, where no cookie travels: the client carries the token, and the follow
// button turns before the answer is there. The page's part runs in a browser as it is.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { localCluster } from '@quorate/local-cluster'
import { readYourWrites } from '@quorate/read-your-writes'
import { createClient, optimistic } from '@quorate/read-your-writes/client'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import express from 'express'
import pg from 'pg'

await using cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
const { primary, replicas } = cluster.postgres.main
const poolOf = (port: number): pg.Pool => new pg.Pool({ host: '127.0.0.1', port, user: 'postgres' })
const pools = [poolOf(primary.port), poolOf(replicas[0].port)] as const
await pools[0].query('CREATE TABLE follow (followed text PRIMARY KEY)')
await replicas[0].caughtUp()
await replicas[0].pauseReplay() // from here on it shows nothing new

// The API.
const db = readYourWrites({
  primary: pools[0],
  replicas: [{ id: 'r1', pool: pools[1] }],
  secret: 'change me: at least 16 bytes',
  maxLagMs: 60_000, // keep the replica that stands still
})
await db.ready()
const app = express()
app.use((request, response, next) => {
  response.set({
    'Access-Control-Allow-Origin': request.get('origin') ?? '*',
    'Access-Control-Allow-Methods': 'GET, PUT',
    'Access-Control-Allow-Headers': 'Quorate-Session', // to be sent
    'Access-Control-Expose-Headers': 'Quorate-Session', // to be read
  })
  if (request.method === 'OPTIONS') response.sendStatus(204)
  else next()
})
app.use(readYourWritesExpress(db, { cookie: false }))
app.get('/follows/:id', (request, response, next) => {
  db.read((q) => q.query('SELECT 1 FROM follow WHERE followed = $1', [request.params.id])).then(
    ({ rowCount }) => response.json(rowCount === 1),
    next,
  )
})
app.put('/follows/:id', (request, response, next) => {
  if (request.params.id === 'eve') {
    response.sendStatus(403)
    return
  }
  db.write((tx) =>
    tx.query('INSERT INTO follow VALUES ($1) ON CONFLICT DO NOTHING', [request.params.id]),
  ).then(
    // The answer to who follows Dan gets lost on its way.
    () => (request.params.id === 'dan' ? request.socket.destroy() : response.sendStatus(204)),
    next,
  )
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

// The page.
await fetch(`${api}/follows/ann`, { method: 'PUT' })
console.log('fetch:    follows ann', await (await fetch(`${api}/follows/ann`)).json())

const client = createClient()
await client.fetch(`${api}/follows/bob`, { method: 'PUT' })
console.log('client:   follows bob', await (await client.fetch(`${api}/follows/bob`)).json())

const follows = optimistic<boolean>({
  client,
  read: async (id, { signal }) => {
    const response = await client.fetch(`${api}/follows/${id}`, { signal })
    return (await response.json()) as boolean
  },
})
for (const id of ['cid', 'dan', 'eve']) {
  follows.seed(id, false)
  const result = follows.update(id, {
    latest: true,
    change: () => true,
    write: ({ signal }) => client.fetch(`${api}/follows/${id}`, { method: 'PUT', signal }),
  })
  console.log('button:   follows', id, follows.getSnapshot(id).value, 'at once')
  const { status } = await result
  const { value, error } = follows.getSnapshot(id)
  console.log('button:   follows', id, value, status, ...(error === undefined ? [] : [error.reason]))
}

follows.close()
client.close()
server.close()
server.closeAllConnections()
await db.stop()
await Promise.all(pools.map((pool) => pool.end()))
