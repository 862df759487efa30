import { createCart, decodeCart, type Cart } from '../cart.ts'
import { createOrSet, decodeOrSet } from '../or-set.ts'
import { createPnCounter, decodePnCounter } from '../pn-counter.ts'
import type { AnyCrdt, DocumentStore, StoreOptions } from '../store.ts'

/** Options of {@link documentStoreContract}. */
export interface DocumentStoreContractOptions {
  /** Two stores with these options that share their documents, as two processes would; made anew for each case. */
  readonly stores: <C extends AnyCrdt>(
    options: StoreOptions<C>,
  ) => Promise<readonly [DocumentStore<C>, DocumentStore<C>]> | readonly [DocumentStore<C>, DocumentStore<C>]
  /** Starts the keys: something never used before on this database. */
  readonly run: string
}

/** One promise of the contract. */
export interface DocumentStoreCase {
  readonly title: string
  /** Rejects with what is wrong. */
  readonly run: () => Promise<void>
}

const CART = { create: createCart, decode: decodeCart }

interface World {
  readonly a: DocumentStore<Cart>
  readonly b: DocumentStore<Cart>
  readonly key: string
}

/**
 * What every document store must do, on real time.
 *
 * @returns cases to be run one after the other.
 *
 * @example
 * ```ts
 * for (const { title, run } of documentStoreContract({ stores, run: crypto.randomUUID() })) test(title, run)
 * ```
 */
export function documentStoreContract(options: DocumentStoreContractOptions): DocumentStoreCase[] {
  let keys = 0
  // A key may have any characters.
  const newKey = (): string => `${options.run} {${++keys}}:'"\\% ü👍`
  const one = (
    title: string,
    body: (world: World) => Promise<void>,
    settings: Omit<StoreOptions<Cart>, 'type'> = {},
  ): DocumentStoreCase => ({
    title,
    run: async () => {
      const [a, b] = await options.stores({ type: CART, ...settings })
      await body({ a, b, key: newKey() })
    },
  })
  return [
    ...editing(one),
    ...merging(one),
    ...ending(one),
    {
      title:
        'a counter counts every increment once, a set keeps every element: other types, and many writers',
      run: async () => {
        const counters = await options.stores({ type: { create: createPnCounter, decode: decodePnCounter } })
        const sets = await options.stores({ type: { create: createOrSet, decode: decodeOrSet } })
        const key = newKey()
        await Promise.all(
          Array.from({ length: 40 }, async (_, index) => {
            await counters[index % 2]?.edit(key, (counter) => counter.increment(index))
            await sets[index % 2]?.edit(`${key} set`, (set) => set.add(`element ${index}`))
          }),
        )
        equal('the sum', (await counters[0].load(key)).value, 780)
        equal('elements', (await sets[1].load(`${key} set`)).value.size, 40)
      },
    },
  ]
}

type One = (
  title: string,
  body: (world: World) => Promise<void>,
  settings?: Omit<StoreOptions<Cart>, 'type'>,
) => DocumentStoreCase

const editing = (one: One): DocumentStoreCase[] => [
  one('what is not there is empty', async ({ a, key }) => {
    equal('items', (await a.load(key)).items(), [])
  }),
  one('an edit is seen by others, and returns document, result and delta', async ({ a, b, key }) => {
    const { document, result, delta } = await a.edit(key, (cart) => {
      cart.add('x', 2)
      cart.add('y')
      return 'done'
    })
    equal('the result', result, 'done')
    equal('the document', lines(document), { x: 2, y: 1 })
    equal('what the other one sees', lines(await b.load(key)), { x: 2, y: 1 })
    const device = createCart({ replica: 'device' })
    device.merge(delta as never)
    equal('the delta', lines(device), { x: 2, y: 1 })
    await b.edit(key, (cart) => cart.remove('x'))
    equal('after a removal', lines(await a.load(key)), { y: 1 })
  }),
  one('edits at once of both: none is lost, none comes twice', async ({ a, b, key }) => {
    const edits = Array.from({ length: 60 }, (_, index) =>
      (index % 2 === 0 ? a : b).edit(key, (cart) => cart.add(`sku-${index % 7}`)),
    )
    await Promise.all(edits)
    const quantities = Object.values(lines(await a.load(key)))
    equal(
      'the sum',
      quantities.reduce((sum, quantity) => sum + quantity, 0),
      60,
    )
  }),
  one('edits of many processes in turn need one name for each process', async ({ a, b, key }) => {
    for (let index = 0; index < 30; index++)
      await (index % 2 === 0 ? a : b).edit(key, (cart) => cart.add('x'))
    const cart = await b.load(key)
    equal('the quantity', cart.quantity('x'), 30)
    equal('names', cart.version.size, 2)
  }),
  one('an edit that throws is refused alone: its half is not stored, its group is', async ({ a, b, key }) => {
    const refusal = new Error('too much')
    const [first, second, third] = await Promise.allSettled([
      a.edit(key, (cart) => cart.add('x')),
      a.edit(key, (cart) => {
        cart.add('half')
        throw refusal
      }),
      a.edit(key, (cart) => cart.add('y')),
    ])
    equal('the first', first?.status, 'fulfilled')
    equal('the second', second, { status: 'rejected', reason: refusal })
    equal('the third', third?.status, 'fulfilled')
    equal('the document', lines(await b.load(key)), { x: 1, y: 1 })
  }),
  one('an edit that waits is refused', async ({ a, key }) => {
    const failure = await failureOf(a.edit(key, async (cart) => cart.add('x')))
    equal('a TypeError', failure instanceof TypeError, true)
    equal('the document', lines(await a.load(key)), {})
  }),
  one('an edit that changes nothing sees the newest document', async ({ a, b, key }) => {
    await a.load(key)
    await b.edit(key, (cart) => cart.add('x'))
    const { result } = await a.edit(key, (cart) => cart.quantity('x'))
    equal('the result', result, 1)
  }),
  one('a call that was aborted before it began writes nothing', async ({ a, key }) => {
    const reason = new Error('changed my mind')
    const signal = AbortSignal.abort(reason)
    equal('edit', await failureOf(a.edit(key, (cart) => cart.add('x'), { signal })), reason)
    equal('load', await failureOf(a.load(key, { signal })), reason)
    equal('the document', lines(await a.load(key)), {})
  }),
  one('keys are well-formed and not empty', async ({ a }) => {
    for (const key of ['', '\ud800', 7 as unknown as string]) {
      equal(`key ${key}`, (await failureOf(a.load(key))) instanceof TypeError, true)
    }
  }),
]

const merging = (one: One): DocumentStoreCase[] => [
  one('merge() takes in a device, its delta, its bytes, and all of them again', async ({ a, b, key }) => {
    await a.edit(key, (cart) => cart.add('x'))
    const device = createCart({ replica: 'device' })
    device.merge(await b.load(key))
    device.remove('x')
    const delta = device.add('y', 3)
    equal('early delta', (await a.merge(key, delta)).result, true)
    equal('all of it', (await b.merge(key, device)).result, true)
    // A store that appends knows what is new to its own process only.
    await a.load(key)
    equal('again', (await a.merge(key, device.encode())).result, false)
    equal('the document', lines(await a.load(key)), { y: 3 })
    equal('it lacks nothing', device.merge(await b.load(key)), false)
  }),
  one('merge() refuses other types and other bytes, and nothing is stored', async ({ a, key }) => {
    const set = createOrSet({ replica: 'a' })
    set.add('x')
    equal('a set', (await failureOf(a.merge(key, set as never))) instanceof TypeError, true)
    for (const bytes of [set.encode(), new Uint8Array(), Uint8Array.of(1, 3, 255)]) {
      const { code } = (await failureOf(a.merge(key, bytes))) as { code?: unknown }
      equal('the code', code, 'QUORATE_DECODE')
    }
    equal('the document', lines(await a.load(key)), {})
  }),
  one('a copy that was loaded may be edited and merged back, by several at once', async ({ a, b, key }) => {
    const copies = [await a.load(key), await a.load(key), await b.load(key)]
    copies.forEach((copy, index) => copy.add(`sku-${index}`))
    await Promise.all(copies.map((copy, index) => (index === 0 ? b : a).merge(key, copy)))
    equal('the document', lines(await b.load(key)), { 'sku-0': 1, 'sku-1': 1, 'sku-2': 1 })
  }),
  one('what was returned is the caller’s: to edit it changes nothing in the store', async ({ a, key }) => {
    const { document } = await a.edit(key, (cart) => cart.add('x'))
    document.add('mine')
    equal('the document', lines(await a.load(key)), { x: 1 })
    await a.edit(key, (cart) => cart.add('x'))
    equal('the copy', lines(document), { mine: 1, x: 1 })
  }),
]

const ending = (one: One): DocumentStoreCase[] => [
  one('delete() says whether there was one', async ({ a, b, key }) => {
    equal('of nothing', await a.delete(key), false)
    await a.edit(key, (cart) => cart.add('x'))
    equal('of something', await b.delete(key), true)
    equal('the document', lines(await a.load(key)), {})
    equal('again', await a.delete(key), false)
  }),
  one(
    'a document that began anew gets no event that a device knows of the former one',
    async ({ a, b, key }) => {
      const device = createCart({ replica: 'device' })
      for (let index = 0; index < 4; index++) {
        await (index % 2 === 0 ? a : b).edit(key, (cart) => cart.add('old'))
      }
      device.merge(await a.load(key))
      await b.delete(key)
      for (let index = 0; index < 4; index++) {
        await (index % 2 === 0 ? a : b).edit(key, (cart) => cart.add('new'))
      }
      equal('the new one', lines(await b.load(key)), { new: 4 })
      equal('both', lines((await a.merge(key, device)).document), { new: 4, old: 4 })
    },
  ),
  one(
    'a document nobody writes expires, every write starts anew, and a new one is a new one',
    async ({ a, b, key }) => {
      const device = createCart({ replica: 'device' })
      device.merge((await a.edit(key, (cart) => cart.add('old'))).document)
      // Each look goes to the database: this is no busy loop on the processor.
      while ((await b.load(key)).quantity('old') > 0);
      await a.edit(key, (cart) => cart.add('new'))
      equal('both', lines((await b.merge(key, device)).document), { new: 1, old: 1 })
    },
    { ttlMs: 150 },
  ),
  one(
    'copies that were forgotten come back: many keys, few copies',
    async ({ a, b, key }) => {
      const keys = Array.from({ length: 12 }, (_, index) => `${key} ${index}`)
      for (let round = 0; round < 3; round++) {
        await Promise.all(keys.map((each) => (round === 1 ? b : a).edit(each, (cart) => cart.add('x'))))
      }
      for (const each of keys) {
        const cart = await b.load(each)
        equal(`the quantity in ${each}`, cart.quantity('x'), 3)
        equal('names', cart.version.size, 2)
      }
    },
    { maxCached: 2 },
  ),
  one('a thousand lines, two hundred writes', async ({ a, b, key }) => {
    await a.edit(key, (cart) => {
      for (let index = 0; index < 1_000; index++) cart.add(`sku-${index}`)
    })
    for (let index = 0; index < 200; index++) await b.edit(key, (cart) => cart.add('counted'))
    const cart = await a.load(key)
    equal('the quantity', cart.quantity('counted'), 200)
    equal('lines', cart.items().length, 1_001)
  }),
]

const lines = (cart: Cart): Record<string, number> => Object.fromEntries(cart.value)

function equal(what: string, actual: unknown, expected: unknown): void {
  const [told, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  // `undefined` and errors are no JSON.
  if (told !== wanted || (told === '{}' && actual !== expected && actual instanceof Error)) {
    throw new Error(`${what}: ${told}, expected ${wanted}`)
  }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  return undefined
}
