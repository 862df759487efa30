// A Hono service on a replica that catches up late: a reader with a token waits for it, rather than ask the primary.
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { localCluster } from '@quorate/local-cluster'
import { readYourWrites } from '@quorate/read-your-writes'
import { readYourWritesHono, type ReadYourWritesVariables } from '@quorate/read-your-writes/hono'
import { Hono } from 'hono'
import pg from 'pg'

await using cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
const { primary, replicas } = cluster.postgres.main
const poolOf = (port: number): pg.Pool => new pg.Pool({ host: '127.0.0.1', port, user: 'postgres' })
const pools = [poolOf(primary.port), poolOf(replicas[0].port)] as const
await pools[0].query('CREATE TABLE follow (who text, whom text)')
await replicas[0].caughtUp()

const db = readYourWrites({
  primary: pools[0],
  replicas: [{ id: 'r1', pool: pools[1] }],
  secret: 'change me: at least 16 bytes',
  waitMs: 10_000,
  maxLagMs: 60_000,
  probeDeadlineMs: 5_000, // a busy laptop is not a dead replica
  onEvent: (event) => event.type === 'read' && console.log(' read from', event.target),
})
await db.ready()

const app = new Hono<{ Variables: ReadYourWritesVariables }>()
app.use(readYourWritesHono(db, { key: (c) => c.req.header('x-user') }))
app.post('/follow/:whom', async (c) => {
  const { key: who } = c.get('quorateSession')
  await db.write((tx) => tx.query('INSERT INTO follow VALUES ($1, $2)', [who, c.req.param('whom')]))
  return c.redirect('/following', 303)
})
app.get('/following', async (c) => {
  const { key: who } = c.get('quorateSession')
  const { rows } = await db.read((q) => q.query('SELECT whom FROM follow WHERE who = $1', [who]))
  return c.json(rows)
})
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
await once(server, 'listening')
const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

await replicas[0].pauseReplay()
console.log('POST /follow/bob, while the replica stands still')
const post = await fetch(`${site}/follow/bob`, {
  method: 'POST',
  headers: { 'x-user': 'ann' },
  redirect: 'manual',
})
const token = post.headers.get('quorate-session') ?? '' // or the cookie, which browsers keep by themselves
console.log('', post.status, post.headers.get('location'))

console.log('GET /following')
const following = fetch(`${site}/following`, { headers: { 'x-user': 'ann', 'quorate-session': token } })
await replicas[0].resumeReplay()
console.log('', await (await following).json())

server.close()
await db.stop()
await Promise.all(pools.map((pool) => pool.end()))
