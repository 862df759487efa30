import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createClient,
  optimistic,
  type Client,
  type ClientEvent,
  type Optimistic,
} from '@quorate/read-your-writes/client'
import { followApi } from './client-setup.ts'
import type { FrameworkSite } from './framework-suite.ts'
import { startBench, type Bench, type TestRouter } from './setup.ts'

// Replicas that show nothing new: who sees a write was sent to the primary for it, because of the token.
let bench: Bench
let router: TestRouter
let api: FrameworkSite
beforeAll(async () => {
  bench = await startBench()
  router = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
  for (const replica of bench.replicas) await replica.pauseReplay()
  api = await followApi(router)
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await router[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

interface User {
  readonly client: Client
  readonly events: ClientEvent[]
  readonly put: (path: string) => Promise<Response>
  readonly follows: (id: string) => Promise<unknown>
}

function user(through: typeof fetch = fetch): User {
  const events: ClientEvent[] = []
  const client = createClient({ fetch: through, onEvent: (event) => events.push(event) })
  return {
    client,
    events,
    put: (path) => client.fetch(`${api.origin}${path}`, { method: 'PUT' }),
    follows: async (id) => (await client.fetch(`${api.origin}/follows/${id}`)).json(),
  }
}

function buttons({ client }: User): Optimistic<boolean> {
  return optimistic<boolean>({
    client,
    read: async (id, { signal }) => {
      const response = await client.fetch(`${api.origin}/follows/${id}`, { signal })
      return (await response.json()) as boolean
    },
  })
}

test('the plain fetch reads what was before; the client reads its own write, and nobody else’s', async () => {
  await fetch(`${api.origin}/follows/plain`, { method: 'PUT' })
  expect(await (await fetch(`${api.origin}/follows/plain`)).json()).toBe(false)
  const [ann, bob] = [user(), user()]
  await ann.put('/follows/own')
  expect([await ann.follows('own'), await bob.follows('own')]).toEqual([true, false])
})

test('writes at once, answered in the reverse order: all of them are seen', async () => {
  const ids = ['at-once-1', 'at-once-2', 'at-once-3']
  const held: (() => void)[] = []
  const ann = user(async (input, init) => {
    const response = await fetch(input, init)
    if (init?.method === 'PUT') await new Promise<void>((resolve) => held.push(resolve))
    return response
  })
  const writes: Promise<Response>[] = []
  for (const [index, id] of ids.entries()) {
    writes.push(ann.put(`/follows/${id}`))
    while (held.length <= index) await new Promise((resolve) => setImmediate(resolve))
  }
  for (const [index, release] of held.toReversed().entries()) {
    release()
    await writes.at(-1 - index)
  }
  const [oldest] = ids
  expect(ann.client.token(api.origin)?.split(', ')).toHaveLength(3)
  expect(await ann.follows(ids[2] ?? '')).toBe(true)
  // The answer brought one for all three.
  expect(ann.client.token(api.origin)?.split(', ')).toHaveLength(1)
  expect(await ann.follows(oldest ?? '')).toBe(true)
})

test('more tokens than can be carried are covered by a read of the primary', async () => {
  const ids = Array.from({ length: 12 }, (_, index) => `many-${index}`)
  const ann = user()
  await Promise.all(ids.map((id) => ann.put(`/follows/${id}`)))
  expect(await Promise.all(ids.map((id) => ann.follows(id)))).toEqual(ids.map(() => true))
})

test('an error page brings its token', async () => {
  const ann = user()
  const { status } = await ann.put('/error-after/error')
  expect([status, await ann.follows('error'), ann.events]).toEqual([500, true, []])
})

test('a write whose answer is lost is looked for on the primary, and only until it answers', async () => {
  const ann = user()
  await expect(ann.put('/lost-answer/lost')).rejects.toThrow('fetch failed')
  expect(ann.events).toEqual([{ type: 'token-lost', key: api.origin, reason: 'no-answer' }])
  expect(await ann.follows('lost')).toBe(true)
  expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'token-rejected' })
  expect(await ann.follows('lost')).toBe(true)
  expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
})

test('the follow button: shown at once, and confirmed by a read that has the token', async () => {
  const ann = user()
  const store = buttons(ann)
  const result = store.update('button', {
    latest: true,
    change: () => true,
    write: () => ann.put('/follows/button'),
  })
  expect(store.getSnapshot('button').value).toBe(true)
  expect(await result).toEqual({ status: 'confirmed', value: true })
})

test.each([
  ['blocked', 'rolled-back', 'refused'],
  ['taken', 'rolled-back', 'disagreed'],
  ['lost-request', 'rolled-back', 'disagreed'],
  ['lost-answer', 'confirmed', undefined],
  ['error-after', 'confirmed', undefined],
])('the follow button on a server that answers: %s', async (route, status, reason) => {
  const ann = user()
  const store = buttons(ann)
  store.seed(route, false)
  const result = await store.update(route, { change: () => true, write: () => ann.put(`/${route}/${route}`) })
  const shown = store.getSnapshot(route)
  expect({ status: result.status, reason: shown.error?.reason }).toEqual({ status, reason })
  expect(shown.value).toBe(status === 'confirmed')
  const { rowCount } = await bench.admin.query('SELECT 1 FROM note WHERE id = $1', [route])
  expect(rowCount).toBe(status === 'confirmed' ? 1 : 0)
})
