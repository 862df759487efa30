import { isQuorateError } from '@quorate/core'
import { createCart, decodeCart, type Cart } from '@quorate/crdt/cart'
import { redisStore, type RedisLike } from '@quorate/crdt/redis'
import { BackendError } from '@quorate/crdt/store'
import type { ReadYourWritesRedis } from '@quorate/read-your-writes/ioredis'
import type { Redis } from 'ioredis'
import type { CartLine } from '../../api.ts'
import { Problem } from '../../shared/problem.ts'
import { claimOf, readClaim, takeClaim, type Claim } from './claim.ts'
import { mergeHanded, type Handed } from './sync.ts'

/** Carts in Redis, edited by any number of devices, processes and orders at once. */
export interface CartStore {
  /** From a replica, if it has all that this session and this user wrote. */
  read(user: string): Promise<Cart>
  /** Applies `edit` to the cart; what it throws is refused, and nothing is stored. */
  edit(user: string, edit: (cart: Cart) => unknown): Promise<Cart>
  /**
   * Empties the cart into an order, once for each order id; decided on the primary.
   *
   * @param handed what the customer's device has, so that the order is of what they see, and what earlier orders took, so
   *   that none of it is ordered again, whatever a fail-over forgot.
   */
  take(user: string, orderId: string, handed: readonly Handed[]): Promise<Taken>
}

/** What an order got, and the removal that took it out of the cart; without one it got nothing. */
export interface Taken {
  readonly items: CartLine[]
  /** As base64. */
  readonly removal: string | null
}

const TTL_MS = 24 * 3_600_000
const MAX_ATTEMPTS = 20
const PREFIX = 'carts'

// KEYS: the claim of an order. ARGV: what was there before ('' for nothing), what shall be, ttl.
const REPLACE_CLAIM = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

export interface CartStoreParts {
  readonly db: ReadYourWritesRedis<Redis>
  /** The same client that `db` has. */
  readonly primary: Redis
}

export function cartStore({ db, primary }: CartStoreParts): CartStore {
  const options = { type: { create: createCart, decode: decodeCart }, ttlMs: TTL_MS, prefix: PREFIX }
  // Each command of a store is a write of the session: it learns where it is with the answer, not by another trip.
  const client: RedisLike = {
    callBuffer: (command, ...args) =>
      db.write((redis: RedisLike) => redis.callBuffer(command, ...args)).catch(toldOutcome),
    pipeline: () => primary.pipeline(),
  }
  // An edit is a delta, appended in one round trip and never in the way of another.
  const carts = redisStore({ ...options, client, mode: 'append' })
  // Two orders must not take the same cart: each is to see the newest, and nobody may write in between.
  const orders = redisStore({ ...options, client, mode: 'replace', maxAttempts: MAX_ATTEMPTS })

  // One hash slot for all keys of a user, as a Redis cluster asks.
  const key = (user: string): string => `{${user}}`
  const claimKey = (user: string, orderId: string): string => `${PREFIX}:${key(user)}:order:${orderId}`

  return {
    // A store for one read keeps nothing: what it knew from one server could be news to another.
    read: (user) => db.read((redis) => redisStore({ ...options, client: redis }).load(key(user))),

    async edit(user, edit) {
      const { document } = await carts.edit(key(user), edit)
      moveOn(user)
      return document
    },

    async take(user, orderId, handed) {
      const withHanded = (cart: Cart): Cart => {
        for (const one of handed) mergeHanded(cart, one)
        return cart
      }
      const name = claimKey(user, orderId)
      let written = (await primary.get(name)) ?? ''
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        if (written !== '') {
          const claim = readClaim(written)
          // Written down before it is taken, so that whoever calls again takes the same.
          const { result } = await orders.edit(key(user), (cart) => takeClaim(withHanded(cart), claim))
          if (result) return { items: [...claim.items], removal: claim.removal }
        }
        const claim = claimOf(withHanded(await orders.load(key(user))), orderId)
        if (claim.items.length > 0) written = await writeClaim(name, written, claim)
        else {
          // Empty, or emptied just now by another call for this very order, whose claim stood there before.
          const now = (await primary.get(name)) ?? ''
          if (now === written) return { items: [], removal: null }
          written = now
        }
      }
      throw new Problem(
        503,
        'unavailable',
        `The cart of ${user} is changing too fast; try again in a second`,
        {
          retryAfterSeconds: 1,
        },
      )
    },
  }

  /** Edits at once share a command, which only the session of one of them has seen: the others learn it here. */
  function moveOn(user: string): void {
    const { token } = db.session({ key: user })
    if (token !== undefined) db.current()?.merge(token)
  }

  /** @returns what stands there now: this claim, or that of another call for the same order. */
  async function writeClaim(name: string, before: string, claim: Claim): Promise<string> {
    const text = JSON.stringify(claim)
    if ((await primary.eval(REPLACE_CLAIM, 1, name, before, text, TTL_MS)) === 1) return text
    return (await primary.get(name)) ?? ''
  }
}

/** A store looks after a command that may have been carried out; of one that was never sent there is nothing to learn. */
function toldOutcome(error: unknown): never {
  const isUnsent = isQuorateError(error) && error.outcome === 'not-applied'
  throw isUnsent ? new BackendError('not-applied', error) : error
}
