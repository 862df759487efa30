// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 takes care of rejections
// A cart on Redis with a replica that lags: who has put something in sees it at once, others read the replica.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { localCluster } from '@quorate/local-cluster'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import { readYourWritesRedis } from '@quorate/read-your-writes/ioredis'
import express from 'express'
import { Redis } from 'ioredis'

await using cluster = await localCluster({ redis: { carts: { replicas: 1 } } })
const { carts } = cluster.redis
const clients = [new Redis(carts.primary.url), new Redis(carts.replicas[0].url)] as const

const db = readYourWritesRedis({
  primary: clients[0],
  replicas: [{ id: 'r1', client: clients[1] }],
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
await db.write((redis) => redis.hset('cart:ann', 'tea', 1), { waitReplicas: 1 }) // r1 has it when this returns
await carts.link('primary', 'replica-1').partition() // as if it lagged, for as long as this runs

const app = express()
app.use(readYourWritesExpress(db))
app.post('/cart/:user/:item', async (request, response) => {
  const { user, item } = request.params
  await db.write((redis) => redis.multi().hincrby(`cart:${user}`, item, 1).incr(`changes:${user}`).exec())
  response.sendStatus(204)
})
app.get('/cart/:user', async (request, response) => {
  response.json(await db.read((redis) => redis.hgetall(`cart:${request.params.user}`)))
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

// What a browser does: it keeps the cookie.
console.log('POST /cart/ann/milk')
const post = await fetch(`${site}/cart/ann/milk`, { method: 'POST' })
const cookie = post.headers.getSetCookie()[0]?.split(';')[0] ?? ''
console.log('', post.status, cookie.split('=')[0])
console.log('GET /cart/ann, by the same browser')
const own = await fetch(`${site}/cart/ann`, { headers: { cookie } })
console.log('', own.status, await own.json())
console.log('GET /cart/ann, by another one')
const other = await fetch(`${site}/cart/ann`)
console.log('', other.status, await other.json())

server.closeAllConnections()
server.close()
await db.stop()
for (const client of clients) client.disconnect()
