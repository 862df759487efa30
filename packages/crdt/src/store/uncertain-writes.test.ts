// Writes whose answer gets lost, comes late, or is a refusal, one by one.
import { expect, test } from 'vitest'
import { stream } from '../../test/random.ts'
import { type Cart, createCart, decodeCart } from '../index.ts'
import { memoryBackend } from '../memory/index.ts'
import {
  type Backend,
  BackendError,
  type Change,
  documentStore,
  type DocumentStore,
  type DocumentStoreOptions,
  StoreError,
} from './index.ts'

const type = { create: createCart, decode: decodeCart }
const KEY = 'ann'
const MODES = ['replace', 'append'] as const

// Pauses take no time; a command is late only when a test says so.
const clock = { sleep: (ms: number) => (ms < 1_000 ? Promise.resolve() : new Promise<void>(() => {})) }

function storeOver(backend: Backend, options: Partial<DocumentStoreOptions<Cart>> = {}): DocumentStore<Cart> {
  return documentStore({ backend, type, mode: 'replace', clock, random: stream(1), ...options })
}

const add =
  (sku: string) =>
  (cart: Cart): unknown =>
    cart.add(sku)

type Commit = Backend['commit']

/** A backend whose commits go through `commit`, which may count them. */
function through(
  inner: Backend,
  commit: (send: Commit, count: number, ...args: Parameters<Commit>) => ReturnType<Commit>,
): Backend {
  let count = 0
  return {
    canAppend: true,
    read: (...args) => inner.read(...args),
    remove: (key) => inner.remove(key),
    commit: (...args) => commit((...sent) => inner.commit(...sent), ++count, ...args),
  }
}

/** Ends well as often as it is asked, also for a store in the other mode. */
const other = (inner: Backend, seed = 2): DocumentStore<Cart> => storeOver(inner, { random: stream(seed) })

test.each(MODES)(
  '%s: the history is gone after a lost answer: the outcome is unknown, and nothing is sent again',
  async (mode) => {
    const inner = memoryBackend()
    const sent: Change[] = []
    const backend = through(inner, async (send, count, key, change) => {
      sent.push(change)
      if (count === 1) return send(key, change)
      await inner.remove(key)
      throw new Error('connection lost')
    })
    const store = storeOver(backend, { mode })
    await store.edit(KEY, add('x'))
    const failure = await store.edit(KEY, add('y')).catch((error) => error)
    expect(failure).toMatchObject({ code: 'QUORATE_CRDT_STORE', outcome: 'unknown' })
    expect(sent).toHaveLength(2)
    expect((await other(inner).load(KEY)).items()).toEqual([])
  },
)

test.each(MODES)(
  '%s: the history is gone after a lost answer: what was merged is there, with all of its source',
  async (mode) => {
    const inner = memoryBackend()
    const device = createCart({ replica: 'device' })
    device.add('x')
    const early = device.encode()
    device.add('y')
    // The store knows x, so the delta of this merge is y alone; then the document goes, and the answer with it.
    const backend = through(inner, async (send, count, key, change) => {
      if (count === 2) {
        await inner.remove(key)
        throw new Error('connection lost')
      }
      return send(key, change)
    })
    const store = storeOver(backend, { mode })
    await store.merge(KEY, early)
    const { document, result } = await store.merge(KEY, device)
    expect(document.value).toEqual(new Map(device.value))
    expect(result).toBe(true)
    expect((await other(inner).load(KEY)).value).toEqual(new Map(device.value))
  },
)

test.each(MODES)(
  '%s: a write that somebody else has brought about in a new history: what was merged with it is there, all of it',
  async (mode) => {
    const inner = memoryBackend()
    const device = createCart({ replica: 'device' })
    device.add('x')
    const early = device.encode()
    device.add('y')
    const stop = new AbortController()
    let edit: Promise<unknown> | undefined
    const backend = through(inner, async (send, count, key, change) => {
      if (count === 2) {
        stop.abort(new Error('enough'))
        const failure = await edit?.catch((error: unknown) => error)
        if (!(failure instanceof StoreError) || failure.delta === undefined)
          throw new Error('it must be uncertain')
        await inner.remove(key)
        await other(inner).merge(key, failure.delta)
      }
      return send(key, change)
    })
    const store = storeOver(backend, { mode })
    await store.merge(KEY, early)
    edit = store.edit(KEY, add('z'), { signal: stop.signal })
    const { document } = await store.merge(KEY, device)
    expect(Object.fromEntries(document.value)).toEqual({ x: 1, y: 1, z: 1 })
    expect((await other(inner, 3).load(KEY)).value).toEqual(new Map(document.value))
  },
)

test.each(MODES)('%s: a merge whose answer was lost says that it was new, and what', async (mode) => {
  const inner = memoryBackend()
  const backend = through(inner, async (send, count, key, change) => {
    const answer = await send(key, change)
    if (count === 1) throw new Error('connection lost')
    return answer
  })
  const device = createCart({ replica: 'device' })
  device.add('x')
  const { result, delta } = await storeOver(backend, { mode }).merge(KEY, device)
  expect(result).toBe(true)
  const listener = createCart({ replica: 'listener' })
  listener.merge(delta as never)
  expect(listener.quantity('x')).toBe(1)
})

test('a merge that was written, and cannot be looked at any more, is of unknown outcome', async () => {
  const inner = memoryBackend()
  let reads = 0
  const backend: Backend = {
    canAppend: true,
    remove: (key) => inner.remove(key),
    // The first one finds nothing, the second one reads back what became of the write.
    read: async (...args) => {
      if (++reads > 1) throw new BackendError('not-applied', new Error('read only'))
      return inner.read(...args)
    },
    commit: async (...args) => {
      await inner.commit(...args)
      throw new Error('connection lost')
    },
  }
  const device = createCart({ replica: 'device' })
  device.add('x')
  const failure = await storeOver(backend)
    .merge(KEY, device)
    .catch((error) => error)
  expect(failure).toMatchObject({ outcome: 'unknown', delta: device.encode() })
})

test('replace: after a lost command, an edit is judged by what others wrote meanwhile', async () => {
  const inner = memoryBackend()
  await other(inner, 3).edit(KEY, add('last one'))
  const takeOnce = (cart: Cart): boolean => {
    if (cart.quantity('last one') === 0) return false
    cart.remove('last one')
    return true
  }
  const rival = other(inner)
  let rivalGotIt: boolean | undefined
  const backend = through(inner, async (send, count, key, change) => {
    if (count > 1) return send(key, change)
    rivalGotIt = (await rival.edit(KEY, takeOnce)).result
    throw new Error('connection lost')
  })
  const { result } = await storeOver(backend).edit(KEY, takeOnce)
  expect([rivalGotIt, result]).toEqual([true, false])
})

test('replace: after a lost command, an edit is not done twice when the first one arrives late', async () => {
  const inner = memoryBackend()
  const rival = other(inner)
  await rival.edit(KEY, add('x'))
  let late: (() => Promise<unknown>) | undefined
  const backend = through(inner, async (send, count, key, change) => {
    if (count > 1) {
      await late?.()
      return send(key, change)
    }
    late = () => send(key, change)
    await rival.edit(KEY, add('x'))
    throw new Error('connection lost')
  })
  const { document } = await storeOver(backend).edit(KEY, add('x'))
  expect(document.quantity('x')).toBe(3)
  expect((await rival.load(KEY)).quantity('x')).toBe(3)
})

test.each(['is refused', 'comes second'] as const)(
  'a write that %s after one of its callers has gone with its bytes: no edit is done twice, no event is two',
  async (end) => {
    const inner = memoryBackend()
    const rival = other(inner)
    const stop = new AbortController()
    const backend = through(inner, async (send, count, key, change) => {
      if (count > 1) return send(key, change)
      stop.abort(new Error('enough'))
      if (end === 'is refused') throw new BackendError('not-applied', new Error('read only'))
      await rival.edit(key, add('rival'))
      return send(key, change)
    })
    const store = storeOver(backend)
    const [gone, stays] = await Promise.allSettled([
      store.edit(KEY, add('x'), { signal: stop.signal }),
      store.edit(KEY, add('y')),
    ])
    const left = (gone as PromiseRejectedResult).reason
    expect(left).toMatchObject({ outcome: 'unknown' })
    // Whoever stays is told the truth: done, or that the bytes make sure of it.
    const bytes = stays.status === 'fulfilled' ? [] : [(stays.reason as StoreError).delta]
    await store.edit(KEY, add('later'))
    for (const delta of [left.delta, ...bytes]) await store.merge(KEY, delta as Uint8Array)
    const { value } = await other(inner, 4).load(KEY)
    expect([value.get('x'), value.get('y'), value.get('later')]).toEqual([1, 1, 1])
  },
)

test.each([false, true])(
  'a driver that sends again to a database that has lost the first one: no event is two (known before: %s)',
  async (isKnown) => {
    const inner = memoryBackend()
    const rival = other(inner)
    const device = createCart({ replica: 'device' })
    const backend = through(inner, async (send, count, key, change) => {
      if (count !== (isKnown ? 2 : 1)) return send(key, change)
      await send(key, change)
      device.merge(await rival.load(key))
      // A server that was behind takes over, somebody writes, and then comes the second one.
      await inner.remove(key)
      await rival.edit(key, add('rival'))
      return send(key, change)
    })
    const store = storeOver(backend)
    if (isKnown) await store.edit(KEY, add('before'))
    // What is made of it depends on what is there.
    const { document } = await store.edit(KEY, (cart) =>
      cart.setQuantity('seen', cart.quantity('rival') > 0 ? 5 : 2),
    )
    expect(document.quantity('seen')).toBe(5)
    const { document: merged } = await rival.merge(KEY, device)
    expect(merged.quantity('seen')).toBe(5)
  },
)

test.each(MODES)('%s: edits and merges that change nothing do not wait for a quiet moment', async (mode) => {
  const inner = memoryBackend()
  const rival = storeOver(inner, { mode: 'append', random: stream(2) })
  await rival.edit(KEY, add('x'))
  const backend: Backend = {
    canAppend: true,
    commit: (...args) => inner.commit(...args),
    remove: (key) => inner.remove(key),
    read: async (...args) => {
      await rival.edit(KEY, add('x'))
      return inner.read(...args)
    },
  }
  const store = storeOver(backend, { mode, maxAttempts: 5 })
  const { result } = await store.edit(KEY, (cart) => cart.quantity('x'))
  expect(result).toBeGreaterThan(1)
  await expect(store.merge(KEY, createCart({ replica: 'device' }))).resolves.toMatchObject({ result: false })
})

test.each(MODES)(
  '%s: an edit is refused because of the newest document, not of an old copy',
  async (mode) => {
    const inner = memoryBackend()
    const [store, rival] = [storeOver(inner, { mode }), other(inner)]
    await store.edit(KEY, add('x'))
    await rival.edit(KEY, (cart) => cart.clear())
    const addOnce = (cart: Cart): unknown => {
      if (cart.items().length > 0) throw new Error('full')
      return cart.add('y')
    }
    await expect(store.edit(KEY, addOnce)).resolves.toBeDefined()
    await expect(store.edit(KEY, addOnce)).rejects.toThrow('full')
    expect([...(await rival.load(KEY)).value.keys()]).toEqual(['y'])
  },
)

test('refusals cost one look at the database for all that come together', async () => {
  const inner = memoryBackend()
  let reads = 0
  const backend: Backend = {
    canAppend: true,
    commit: (...args) => inner.commit(...args),
    remove: (key) => inner.remove(key),
    read: (...args) => {
      reads++
      return inner.read(...args)
    },
  }
  const store = storeOver(backend)
  await store.edit(KEY, add('x'))
  reads = 0
  let calls = 0
  const edits = Array.from({ length: 100 }, (_, index) =>
    store.edit(KEY, (cart) => {
      calls++
      if (index % 2 === 1) throw new Error('no')
      cart.add('x')
    }),
  )
  await Promise.allSettled(edits)
  expect((await store.load(KEY)).quantity('x')).toBe(51)
  expect(reads).toBeLessThan(5)
  expect(calls).toBeLessThan(400)
})

test.each(MODES)(
  '%s: a document that somebody kept hold of and edits is not the one of the store',
  async (mode) => {
    const inner = memoryBackend()
    const store = storeOver(inner, { mode })
    const { result } = await store.edit(KEY, (cart) => {
      cart.add('x')
      return cart
    })
    result.add('mine')
    await store.edit(KEY, add('y'))
    const cart = await other(inner).load(KEY)
    expect(cart.value).toEqual(
      new Map([
        ['x', 1],
        ['y', 1],
      ]),
    )
    expect(cart.hasGaps).toBe(false)
  },
)

test('append: what others wrote and this process cannot take in does not make a written edit unknown', async () => {
  const inner = memoryBackend()
  const store = storeOver(inner, { mode: 'append' })
  await store.edit(KEY, add('x'))
  const stored = await inner.read(KEY, undefined, { isDurable: false })
  const tag = 'something else 1'
  await inner.commit(KEY, {
    mode: 'append',
    base: stored?.position,
    tag,
    bytes: Uint8Array.of(1, 1),
    ttlMs: undefined,
  })
  const { result } = await store.edit(KEY, (cart) => {
    cart.add('y')
    return 'done'
  })
  expect(result).toBe('done')
  // Whoever reads it is told.
  await expect(store.load(KEY)).rejects.toMatchObject({ code: 'QUORATE_DECODE' })
})
