import { expect, test } from 'vitest'
import { createCart, decodeCart } from '../index.ts'
import { memoryBackend } from '../memory/index.ts'
import {
  type Backend,
  BackendError,
  documentStore,
  type DocumentStoreOptions,
  StoreBusyError,
  StoreError,
} from './index.ts'
import { WriterNames } from './writer-names.ts'
import type { Cart } from '../cart.ts'
import { stream } from '../../test/random.ts'

const type = { create: createCart, decode: decodeCart }
const add =
  (sku: string) =>
  (cart: Cart): unknown =>
    cart.add(sku)

function storeOver(backend: Backend, options: Partial<DocumentStoreOptions<Cart>> = {}) {
  // Pauses take no time; a command is late only when a test says so.
  const clock = { sleep: (ms: number) => (ms < 1_000 ? Promise.resolve() : new Promise<void>(() => {})) }
  return documentStore({ backend, type, mode: 'replace', clock, random: stream(1), ...options })
}

/** A backend whose commits wait until they are let through. */
function held(inner: Backend = memoryBackend()) {
  const waiting: Array<() => void> = []
  let commits = 0
  const backend: Backend = {
    canAppend: true,
    read: (...args) => inner.read(...args),
    remove: (key) => inner.remove(key),
    commit: async (key, change) => {
      commits++
      await new Promise<void>((resolve) => waiting.push(resolve))
      return inner.commit(key, change)
    },
  }
  return {
    backend,
    inner,
    commits: () => commits,
    /** Resolves when a commit waits. */
    reached: async (): Promise<void> => {
      while (waiting.length === 0) await new Promise(setImmediate)
    },
    release: (): void => {
      for (const resolve of waiting.splice(0)) resolve()
    },
  }
}

test('edits that come while a write is under way share the next one', async () => {
  const { backend, commits, reached, release } = held()
  const store = storeOver(backend)
  const first = store.edit('ann', add('x'))
  await reached()
  const others = Array.from({ length: 50 }, () => store.edit('ann', add('x')))
  release()
  await first
  await reached()
  release()
  const edited = await Promise.all(others)
  expect(commits()).toBe(2)
  expect(edited[49]?.document.quantity('x')).toBe(51)
})

test('too many calls for one key are refused at once', async () => {
  const { backend, reached, release } = held()
  const store = storeOver(backend, { maxWaiting: 2 })
  const first = store.edit('ann', add('x'))
  await reached()
  const waiting = [store.edit('ann', add('x')), store.edit('ann', add('x'))]
  await expect(store.edit('ann', add('x'))).rejects.toThrow(StoreBusyError)
  release()
  await reached()
  release()
  await Promise.all([first, ...waiting])
  expect((await store.load('ann')).quantity('x')).toBe(3)
})

test('an edit that always meets somebody else gives up, and nothing of it is stored', async () => {
  const inner = memoryBackend()
  const rival = storeOver(inner, { random: stream(2) })
  const backend: Backend = {
    ...inner,
    canAppend: true,
    read: (...args) => inner.read(...args),
    remove: (key) => inner.remove(key),
    commit: async (key, change) => {
      await rival.edit('ann', add('rival'))
      return inner.commit(key, change)
    },
  }
  const store = storeOver(backend, { maxAttempts: 5 })
  await expect(store.edit('ann', add('x'))).rejects.toMatchObject({
    code: 'QUORATE_CRDT_STORE_BUSY',
    outcome: 'not-applied',
    key: 'ann',
  })
  expect((await rival.load('ann')).value).toEqual(new Map([['rival', 5]]))
})

test('abort before the write is sent: the reason, and nothing is written', async () => {
  const { backend, reached, release } = held()
  const store = storeOver(backend)
  const first = store.edit('ann', add('x'))
  await reached()
  const stop = new AbortController()
  const second = store.edit('ann', add('y'), { signal: stop.signal })
  const load = store.load('ann', { signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(second).rejects.toThrow('enough')
  await expect(load).rejects.toThrow('enough')
  release()
  await first
  expect([...(await store.load('ann')).value.keys()]).toEqual(['x'])
})

test('abort after it is sent: unknown, and the delta makes sure without adding twice', async () => {
  const { backend, inner, reached, release } = held()
  const store = storeOver(backend)
  const stop = new AbortController()
  const edit = store.edit('ann', add('x'), { signal: stop.signal }).catch((error) => error)
  await reached()
  stop.abort(new Error('enough'))
  const failure = await edit
  expect(failure).toBeInstanceOf(StoreError)
  expect(failure).toMatchObject({ outcome: 'unknown', key: 'ann', cause: stop.signal.reason })
  release()
  const { document } = await storeOver(inner, { random: stream(3) }).merge('ann', failure.delta)
  expect(document.quantity('x')).toBe(1)
})

test('an answer that is too late: unknown at first, then made sure of', async () => {
  const inner = memoryBackend()
  let lost = 1
  const backend: Backend = {
    canAppend: true,
    read: (...args) => inner.read(...args),
    remove: (key) => inner.remove(key),
    commit: async (key, change) => {
      const answer = await inner.commit(key, change)
      return lost-- > 0 ? new Promise(() => {}) : answer
    },
  }
  const clock = { sleep: () => Promise.resolve() }
  // The clock ends every wait at once, so an answer is in time only if it comes in the same turn.
  const late = storeOver(backend, { clock, maxRetries: 0 })
  await expect(late.edit('ann', add('x'))).rejects.toMatchObject({ code: 'QUORATE_CRDT_STORE' })
  lost = 1
  const store = storeOver(
    { ...backend, canAppend: true, commit: (key, change) => failAfter(backend.commit(key, change)) },
    { random: stream(4) },
  )
  await store.edit('ben', add('x'))
  expect((await store.load('ben')).quantity('x')).toBe(1)
})

/** What does not come is lost. */
async function failAfter<T>(answer: Promise<T>): Promise<T> {
  const none = Symbol('none')
  const first = await Promise.race([answer, new Promise((resolve) => setImmediate(resolve, none))])
  if (first === none) throw new Error('connection lost')
  return first as T
}

test('a refusal by the database is an error of outcome not-applied, with its cause', async () => {
  const cause = new Error('read only')
  const inner = memoryBackend()
  const backend: Backend = {
    canAppend: true,
    read: (...args) => inner.read(...args),
    remove: () => Promise.reject(new BackendError('not-applied', cause)),
    commit: () => Promise.reject(new BackendError('not-applied', cause)),
  }
  const store = storeOver(backend)
  const refused = { code: 'QUORATE_CRDT_STORE', outcome: 'not-applied', key: 'ann', delta: undefined, cause }
  await expect(store.edit('ann', add('x'))).rejects.toMatchObject(refused)
  await expect(store.delete('ann')).rejects.toMatchObject(refused)
  await expect(store.edit('ann', add('x'))).rejects.toThrow(
    'Cannot edit document ann: the database says "read only"',
  )
})

test('a backend that cannot append is not asked to, and wrong options are refused', () => {
  const backend: Backend = { ...memoryBackend(), canAppend: false }
  expect(() => storeOver(backend, { mode: 'append' })).toThrow(TypeError)
  expect(() => storeOver(backend, { maxCached: 0 })).toThrow(RangeError)
  expect(() => storeOver(backend, { timeoutMs: Number.NaN })).toThrow(RangeError)
  expect(() => storeOver(backend, { type: undefined as never })).toThrow(/create and decode/)
})

test('names: one for all documents, a new one for a document that lacks what was sent', () => {
  const names = new WriterNames(stream(1))
  const has = (counter: number) => () => counter
  const first = names.pick('a', has(0))
  expect(names.pick('b', has(0))).toBe(first)
  names.note('a', first, 3)
  expect(names.pick('a', has(3))).toBe(first)
  expect(names.pick('a', has(4))).toBe(first)
  const second = names.pick('a', has(2))
  expect(second).not.toBe(first)
  // Not only for that one: nobody remembers who else has had the first.
  expect(names.pick('c', has(0))).toBe(second)
  // A name that was picked and never sent is free.
  names.note('a', second, 0)
  expect(names.pick('a', has(0))).toBe(second)
  expect(new Set([names.reader(), names.reader(), first, second]).size).toBe(4)
})

test('names that had to be forgotten are not given again', () => {
  const names = new WriterNames(stream(1))
  const before = names.pick('key 0', () => 0)
  for (let index = 0; index <= 20_000; index++) {
    const key = `key ${index}`
    names.note(
      key,
      names.pick(key, () => 0),
      1,
    )
  }
  expect(names.pick('key 0', () => 0)).not.toBe(before)
  expect(names.pick('key 20000', () => 1)).toBe(before)
})

test.each(['replace', 'append'] as const)(
  '%s: a name that was retired and forgotten is out of the stored document, and its store goes on under another',
  async (mode) => {
    const backend = memoryBackend()
    const gone = storeOver(backend, { mode, random: stream(5) })
    const stays = storeOver(backend, { mode, random: stream(6) })
    const before = (await gone.edit('ann', add('x'))).document.version
    const [[name] = ['']] = [...before]
    await stays.edit('ann', (cart) => cart.retire(name))
    const { result } = await stays.edit('ann', (cart) => cart.forget(name, cart.version), { rewrite: true })
    expect(result).toBe(true)
    expect((await stays.load('ann')).version.get(name)).toBe(0)
    // It was not gone after all, and has a copy of before.
    const { document } = await gone.edit('ann', add('y'))
    expect(document.value).toEqual(
      new Map([
        ['x', 1],
        ['y', 1],
      ]),
    )
    expect(document.version.get(name)).toBe(0)
    expect(document.version.size).toBe(2)
  },
)
