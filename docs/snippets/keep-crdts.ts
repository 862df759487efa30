// #region setup
import { createPnCounter, decodePnCounter } from '@quorate/crdt'
import { createCart, decodeCart } from '@quorate/crdt/cart'
import { redisStore } from '@quorate/crdt/redis'
import { StoreError } from '@quorate/crdt/store'
import { portChannel, storedReplica, syncOver } from '@quorate/crdt/sync'
import { localCluster } from '@quorate/local-cluster'
import { Redis } from 'ioredis'

await using cluster = await localCluster({ redis: { carts: {} } }) // a real Redis, gone when we are
const client = new Redis(cluster.redis.carts.primary.url)
const type = { create: createCart, decode: decodeCart }
const carts = redisStore({ client, type, ttlMs: 24 * 3_600_000 })
// #endregion setup

// #region edit
const { document } = await carts.edit('ann', (cart) => cart.add('tea', 2))
console.log('edited:', document.items())

const other = redisStore({ client, type }) // another process
await Promise.all([
  carts.edit('ann', (cart) => cart.add('mug')),
  other.edit('ann', (cart) => cart.add('mug')), // at the same moment
])
console.log('both:', (await carts.load('ann')).quantity('mug'), 'mugs')
// #endregion edit

// #region outcome
/** Adds once, also when the answer of the database gets lost. */
async function addOnce(sku: string): Promise<void> {
  try {
    await carts.edit('ann', (cart) => cart.add(sku))
  } catch (error) {
    if (!(error instanceof StoreError) || error.delta === undefined) throw error
    await carts.merge('ann', error.delta) // perhaps it is there, then this does nothing
  }
}
await addOnce('spoon')
// #endregion outcome

// #region sync
const { port1, port2 } = new MessageChannel() // or webSocketChannel(socket)
using server = syncOver(portChannel(port1), { accept: (key) => storedReplica(carts, key, 'cart') })

const phone = createCart({ replica: 'phone-7f3a' }) // lives on the device, edits offline
phone.add('tv')
using device = syncOver(portChannel(port2))
await device.open('ann', phone).synced
console.log('phone:', phone.items().length, 'lines')
console.log('server:', (await carts.load('ann')).items().length, 'lines')
// #endregion sync

// #region bound
const counted = { create: createPnCounter, decode: decodePnCounter }
const stock = redisStore({ client, type: counted, mode: 'replace', prefix: 'stock' })
await stock.edit('tea', (counter) => counter.increment(10))

/** False if there are too few. */
async function take(wanted: number): Promise<boolean> {
  const { result } = await stock.edit('tea', (counter) => {
    if (counter.value < wanted) return false
    counter.decrement(wanted)
    return true
  })
  return result
}
console.log('taken:', await take(4), await take(7))
// #endregion bound

void server
port1.close()
client.disconnect()
