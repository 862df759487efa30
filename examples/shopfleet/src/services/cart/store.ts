import { randomBytes } from 'node:crypto'
import { createCart, decodeCart, type Cart } from '@quorate/crdt/cart'
import type { Redis } from 'ioredis'
import type { CartLine } from '../../api.ts'
import { Problem } from '../../shared/problem.ts'
import { orderOf } from './rules.ts'

/** Carts in Redis, each the bytes of a CRDT beside a version for the compare-and-set. */
export interface CartStore {
  read(user: string): Promise<Cart>
  /**
   * Applies `edit` to the newest cart; when somebody else saved in between, to theirs again. Nothing is
   * saved when it returns false.
   */
  edit(user: string, edit: (cart: Cart) => unknown): Promise<Cart>
  /** Empties the cart into an order, once for each order id. */
  take(user: string, orderId: string): Promise<CartLine[]>
}

const TTL_MS = 24 * 3_600_000
const MAX_ATTEMPTS = 20

// KEYS: the cart, and maybe where to keep what an order took. ARGV: version read, bytes, writer, ttl, what was taken.
const SAVE = `
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', tonumber(ARGV[1]) + 1, 'state', ARGV[2], 'writer', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if KEYS[2] then redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[4]) end
return 1`

interface Loaded {
  readonly cart: Cart
  readonly version: string
  readonly writer: string
}

export function cartStore(redis: Redis): CartStore {
  const writers = writerNames()
  // After a fail-over the cart may be an older one, whose next edits must not reuse the names of those lost.
  redis.on('ready', writers.renew)

  // One hash slot for all keys of a user, as a Redis cluster asks.
  const cartKey = (user: string): string => `cart:{${user}}`
  const takenKey = (user: string, orderId: string): string => `cart:{${user}}:taken:${orderId}`

  async function load(user: string): Promise<Loaded> {
    const [state, version, writer] = await redis.hmgetBuffer(cartKey(user), 'state', 'version', 'writer')
    const replica = writers.pick(writer?.toString())
    const cart = state == null ? createCart({ replica }) : decodeCart(state, { replica })
    return { cart, version: version?.toString() ?? '0', writer: replica }
  }

  async function save(
    user: string,
    { cart, version, writer }: Loaded,
    taken?: { key: string; items: CartLine[] },
  ) {
    const keys = taken === undefined ? [cartKey(user)] : [cartKey(user), taken.key]
    const args = [
      version,
      Buffer.from(cart.encode()),
      writer,
      TTL_MS,
      ...(taken === undefined ? [] : [JSON.stringify(taken.items)]),
    ]
    return (await redis.eval(SAVE, keys.length, ...keys, ...args)) === 1
  }

  return {
    read: async (user) => (await load(user)).cart,

    async edit(user, edit) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const loaded = await load(user)
        if (edit(loaded.cart) === false) return loaded.cart
        if (await save(user, loaded)) return loaded.cart
      }
      throw tooBusy(user)
    },

    async take(user, orderId) {
      const key = takenKey(user, orderId)
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const [before, loaded] = await Promise.all([redis.get(key), load(user)])
        if (before !== null) return JSON.parse(before) as CartLine[]
        const items = orderOf(loaded.cart)
        if (items.length === 0) return []
        // Takes away what was seen here: what a device adds meanwhile stays for the next order.
        loaded.cart.clear()
        if (await save(user, loaded, { key, items })) return items
      }
      throw tooBusy(user)
    },
  }
}

/**
 * Names for the edits of this process. A CRDT takes two edits of one name for one and the same, so a name
 * is never used for two states of a cart that do not follow from each other: a cart that expired and
 * begins anew gets a new one, and so does every cart after a reconnect.
 */
function writerNames() {
  let prefix = ''
  let carts = 0
  const renew = (): void => {
    prefix = `s-${randomBytes(6).toString('base64url')}-`
    carts = 0
  }
  renew()
  return {
    renew,
    pick: (last: string | undefined): string =>
      last?.startsWith(prefix) === true ? last : `${prefix}${carts++}`,
  }
}

function tooBusy(user: string): Problem {
  return new Problem(
    503,
    'unavailable',
    `The cart of ${user} is being edited from too many places; try again in a second`,
    {
      retryAfterSeconds: 1,
    },
  )
}
