// Stores of several processes over one database that loses commands, answers and, in a fail-over, its last writes.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FaultyBackend } from '../../test/stores/faulty-backend.ts'
import { stream } from '../../test/random.ts'
import { type Cart, createCart, decodeCart } from '../index.ts'
import { documentStore, type DocumentStore, type StoreClock, StoreError } from './index.ts'

const CART = { create: createCart, decode: decodeCart }
const KEY = 'ann'
const NONE = { lost: 0, refused: 0, resent: 0 }

/** Pauses take no time, and no answer takes too long. */
const clock: StoreClock = {
  sleep: (ms) => (ms < 1_000 ? Promise.resolve() : new Promise<void>(() => {})),
}

interface World {
  readonly backend: FaultyBackend
  readonly stores: readonly DocumentStore<Cart>[]
  readonly random: () => number
}

function world(seed: number, mode: 'replace' | 'append', maxRetries = 2): World {
  const random = stream(seed)
  const backend = new FaultyBackend(random, { lost: 0.15, refused: 0.05, resent: 0.1 })
  // Copies of one document only, so that they are also made anew.
  const options = { backend, mode, type: CART, maxRetries, maxCached: 1, clock, random }
  return { backend, stores: [0, 1, 2].map(() => documentStore(options)), random }
}

/** What became of the adds, one of each SKU. */
class Adds {
  readonly acknowledged = new Set<string>()
  readonly unknown = new Map<string, StoreError>()
  readonly #stores: readonly DocumentStore<Cart>[]
  #made = 0

  constructor(stores: readonly DocumentStore<Cart>[]) {
    this.#stores = stores
  }

  async add(store: number, signal?: AbortSignal): Promise<void> {
    const sku = `sku-${this.#made++}`
    try {
      await (this.#stores[store] as DocumentStore<Cart>).edit(KEY, (cart) => cart.add(sku), { signal })
      this.acknowledged.add(sku)
    } catch (error) {
      ifStoreError(error)
      if (error instanceof StoreError && error.outcome === 'unknown') this.unknown.set(sku, error)
    }
  }
}

/** Why a caller gives up. */
class StoppedError extends Error {}

function ifStoreError(error: unknown): undefined {
  if (!(error instanceof StoreError || error instanceof StoppedError)) throw error
}

async function finalCart({ backend, stores }: World): Promise<Cart> {
  backend.faults = NONE
  await backend.settle()
  return (stores[0] as DocumentStore<Cart>).load(KEY)
}

const MODES = ['replace', 'append'] as const
const SEED = fc.integer({ min: 0, max: 0x7fff_ffff })

test.each(MODES)(
  '%s: every acknowledged add is there once, no refused one is, unknown ones at most once',
  async (mode) => {
    let unknown = 0
    let names = 0
    await fc.assert(
      fc.asyncProperty(SEED, async (seed) => {
        const all = world(seed, mode)
        const adds = new Adds(all.stores)
        for (let round = 0; round < 8; round++) {
          // Alone, or several at once in one store and in all.
          const at = Array.from({ length: 1 + Math.floor(all.random() * 5) }, () =>
            Math.floor(all.random() * 3),
          )
          await Promise.all(at.map((store) => adds.add(store)))
        }
        const cart = await finalCart(all)
        const { acknowledged } = adds
        unknown += adds.unknown.size
        names = Math.max(names, cart.version.size)
        for (const sku of acknowledged) expect([sku, cart.quantity(sku)]).toEqual([sku, 1])
        for (const [sku, quantity] of cart.value) {
          expect(acknowledged.has(sku) || adds.unknown.has(sku)).toBe(true)
          expect(quantity).toBe(1)
        }
        // What to do about an unknown outcome, twice, on another process.
        for (const [sku, { key, delta }] of adds.unknown) {
          const store = all.stores[1] as DocumentStore<Cart>
          await store.merge(key, delta as Uint8Array)
          const { document } = await store.merge(key, delta as Uint8Array)
          expect(document.quantity(sku)).toBe(1)
        }
      }),
      { numRuns: 300 },
    )
    expect(unknown).toBeGreaterThan(30) // else it would show nothing
    expect(names).toBeGreaterThan(mode === 'replace' ? 3 : 2)
  },
)

test.each(MODES)(
  '%s: callers who give up in the middle: no edit is lost, none is done twice, no event is two',
  async (mode) => {
    let unknown = 0
    await fc.assert(
      fc.asyncProperty(SEED, async (seed) => {
        const all = world(seed, mode)
        const adds = new Adds(all.stores)
        const goneAt = new Set<string>()
        for (let round = 0; round < 6; round++) {
          const calls = Array.from({ length: 1 + Math.floor(all.random() * 6) }, async () => {
            const stop = new AbortController()
            const call = adds.add(Math.floor(all.random() * 3), stop.signal)
            if (all.random() < 0.4) {
              for (let turns = Math.floor(all.random() * 20); turns > 0; turns--) await Promise.resolve()
              stop.abort(new StoppedError())
            }
            await call
          })
          await Promise.all(calls)
          // What is made sure of may come before, between and after what others do.
          for (const [sku, { key, delta }] of adds.unknown) {
            if (goneAt.has(sku) || all.random() < 0.5) continue
            goneAt.add(sku)
            await (all.stores[round % 3] as DocumentStore<Cart>)
              .merge(key, delta as Uint8Array)
              .catch(ifStoreError)
          }
        }
        await finalCart(all)
        unknown += adds.unknown.size
        const store = all.stores[1] as DocumentStore<Cart>
        for (const { key, delta } of adds.unknown.values()) await store.merge(key, delta as Uint8Array)
        const cart = await store.load(KEY)
        const made = [...adds.acknowledged, ...adds.unknown.keys()].toSorted()
        expect(cart.items()).toEqual(made.map((sku) => ({ sku, quantity: 1 })))
        expect(cart.hasGaps).toBe(false)
      }),
      { numRuns: 400 },
    )
    expect(unknown).toBeGreaterThan(100)
  },
)

test('replace: what only one may take is told to one only, whatever gets lost', async () => {
  let taken = 0
  await fc.assert(
    fc.asyncProperty(SEED, async (seed) => {
      const all = world(seed, 'replace')
      const units = Array.from({ length: 12 }, (_, index) => `unit-${index}`)
      const { faults } = all.backend
      all.backend.faults = NONE
      await (all.stores[0] as DocumentStore<Cart>).edit(KEY, (cart) => {
        for (const unit of units) cart.add(unit)
      })
      all.backend.faults = faults
      const told: string[] = []
      const takeFirst = (cart: Cart): string | undefined => {
        const [first] = cart.items()
        if (first !== undefined) cart.remove(first.sku)
        return first?.sku
      }
      for (let round = 0; round < 8; round++) {
        await Promise.all(
          all.stores.map(async (store) => {
            const edited = await store.edit(KEY, takeFirst).catch(ifStoreError)
            if (edited?.result !== undefined) told.push(edited.result)
          }),
        )
      }
      const cart = await finalCart(all)
      expect(new Set(told).size).toBe(told.length)
      expect(told.filter((unit) => cart.quantity(unit) > 0)).toEqual([])
      taken += told.length
    }),
    { numRuns: 300 },
  )
  expect(taken).toBeGreaterThan(1_000)
})

test.each(MODES)(
  '%s: after fail-overs and deletions, what a device has seen merges with all that was acknowledged since',
  async (mode) => {
    let lost = 0
    await fc.assert(
      fc.asyncProperty(SEED, async (seed) => {
        const all = world(seed, mode, 0)
        const { backend, stores, random } = all
        const adds = new Adds(stores)
        const device = createCart({ replica: 'device' })
        const seen = new Set<string>()
        let since = new Set<string>()
        for (let round = 0; round < 12; round++) {
          const at = Array.from({ length: 1 + Math.floor(random() * 3) }, () => Math.floor(random() * 3))
          const before = new Set(adds.acknowledged)
          await Promise.all(at.map((store) => adds.add(store)))
          for (const sku of adds.acknowledged) if (!before.has(sku)) since.add(sku)
          const luck = random()
          if (luck < 0.4) {
            const cart = await (stores[Math.floor(random() * 3)] as DocumentStore<Cart>)
              .load(KEY)
              .catch(() => undefined)
            if (cart === undefined) continue
            device.merge(cart)
            for (const sku of cart.value.keys()) seen.add(sku)
          } else if (luck < 0.6) {
            await backend.loseLast(1 + Math.floor(random() * 4))
            lost += since.size
            since = new Set()
          } else if (luck < 0.7) {
            // Surely now: one on its way would take away what is acknowledged later.
            const { faults } = backend
            backend.faults = NONE
            await (stores[0] as DocumentStore<Cart>).delete(KEY)
            backend.faults = faults
            since = new Set()
          }
        }
        await finalCart(all)
        const { document } = await (stores[1] as DocumentStore<Cart>).merge(KEY, device)
        const missing = [...seen, ...since].filter((sku) => document.quantity(sku) !== 1)
        expect(missing).toEqual([])
      }),
      { numRuns: 400 },
    )
    expect(lost).toBeGreaterThan(100)
  },
)
