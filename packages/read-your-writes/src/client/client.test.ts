import { VirtualClock } from '@quorate/core'
import { afterEach, expect, test, vi } from 'vitest'
import {
  createClient,
  type ChannelLike,
  type ClientEvent,
  type ClientOptions,
  type StorageLike,
} from './index.ts'

const SITE = 'https://shop.example'
const NAME = 'quorate-session'

interface Call {
  readonly url: string
  readonly init: RequestInit & { readonly cache?: string }
  readonly answer: (token?: string, init?: ResponseInit, facts?: Partial<Response>) => void
  readonly fail: (error: Error) => void
  /** What the header said. */
  readonly sent: string | null
}

/** A network that a test answers for. */
function setup(options: Partial<ClientOptions> = {}) {
  const calls: Call[] = []
  const events: ClientEvent[] = []
  const through: typeof fetch = (input, init = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    calls.push({
      url: input instanceof Request ? input.url : String(input),
      init,
      sent: new Headers(init.headers).get(NAME),
      answer: (token, { headers, ...rest } = {}, facts = {}) => {
        const all = new Headers(headers)
        if (token !== undefined) all.set(NAME, token)
        const response = new Response(null, { status: 204, ...rest, headers: all })
        for (const [name, value] of Object.entries(facts)) Object.defineProperty(response, name, { value })
        resolve(response)
      },
      fail: reject,
    })
    return promise
  }
  const client = createClient({ fetch: through, onEvent: (event) => events.push(event), ...options })
  const last = (): Call => calls.at(-1) as Call
  const get = (path = '/', init?: RequestInit) => client.fetch(`${SITE}${path}`, init)
  const put = (path = '/', init: RequestInit = {}) =>
    client.fetch(`${SITE}${path}`, { method: 'PUT', ...init })
  /** Writes, and gets this token. */
  const write = async (token: string): Promise<void> => {
    const answer = put()
    last().answer(token)
    await answer
  }
  return { client, calls, events, last, get, put, write, token: () => client.token(SITE) }
}

class MemoryStorage implements StorageLike {
  readonly entries = new Map<string, string>()
  get length(): number {
    return this.entries.size
  }
  key = (index: number): string | null => [...this.entries.keys()][index] ?? null
  getItem = (name: string): string | null => this.entries.get(name) ?? null
  setItem = (name: string, value: string): void => void this.entries.set(name, value)
  removeItem = (name: string): void => void this.entries.delete(name)
}

/** Channels that hear each other at once. */
class Hub {
  readonly #listeners = new Map<ChannelLike, (event: { readonly data: unknown }) => void>()
  readonly messages: unknown[] = []
  open(): ChannelLike {
    const channel: ChannelLike = {
      postMessage: (data) => {
        if (!this.#listeners.has(channel)) throw new DOMException('closed', 'InvalidStateError')
        this.messages.push(data)
        for (const [one, listener] of this.#listeners)
          if (one !== channel) listener({ data: structuredClone(data) })
      },
      addEventListener: (_, listener) => void this.#listeners.set(channel, listener),
      close: () => void this.#listeners.delete(channel),
    }
    return channel
  }
}

afterEach(() => vi.unstubAllGlobals())

test('a token comes back with the next request, and the cache is passed by from then on', async () => {
  const { get, last, write } = setup()
  void get()
  expect([last().sent, last().init.cache]).toEqual([null, undefined])
  await write('t1')
  void get('/next', { headers: { accept: 'x' } })
  expect([last().sent, last().init.cache, new Headers(last().init.headers).get('accept')]).toEqual([
    't1',
    'no-store',
    'x',
  ])
  void get('/next', { cache: 'force-cache' })
  expect(last().init.cache).toBe('force-cache')
})

test('a Request keeps its headers and its method', async () => {
  const { client, write, last, events } = setup()
  await write('t1')
  const answer = client.fetch(
    new Request(`${SITE}/x`, { method: 'POST', body: 'b', headers: { 'x-a': '1' } }),
  )
  expect([last().sent, new Headers(last().init.headers).get('x-a'), last().init.cache]).toEqual([
    't1',
    '1',
    undefined,
  ])
  last().fail(new TypeError('fetch failed')) // of a POST, so its token is lost
  await expect(answer).rejects.toThrow('fetch failed')
  expect(events).toMatchObject([{ reason: 'no-answer' }])
})

test('answers in the wrong order: no newer token is replaced by an older one', async () => {
  const { put, calls, get, last, token } = setup()
  const writes = [put('/1'), put('/2')]
  calls[1]?.answer('newer')
  await writes[1]
  calls[0]?.answer('older')
  await writes[0]
  const read = get()
  expect(last().sent).toBe('newer, older')
  last().answer('merged')
  await read
  expect(token()).toBe('merged')
})

test('an error page brings its token as well; a read of the cache brings none', async () => {
  const { put, get, last, token } = setup()
  const failed = put()
  last().answer('t1', { status: 500 })
  await failed
  expect(token()).toBe('t1')
  const read = get()
  last().answer('old', { headers: { age: '3' } })
  await read
  expect(token()).toBe('t1')
})

test.each([
  ['a network error', 'no-answer', (call: Call) => call.fail(new TypeError('fetch failed'))],
  ['a gateway that gave up', 'server-error', (call: Call) => call.answer(undefined, { status: 504 })],
  ['a redirect', 'redirected', (call: Call) => call.answer(undefined, { status: 200 }, { redirected: true })],
] as const)('%s loses a token: the primary is asked, until it answers', async (_, reason, end) => {
  const { put, get, last, write, events, token } = setup()
  await write('t1')
  const lost = put().catch(() => {})
  end(last())
  await lost
  expect(events).toEqual([{ type: 'token-lost', key: SITE, reason }])
  const read = get()
  expect(last().sent).toBe('lost')
  last().answer('t2')
  await read
  expect(token()).toBe('t2')
})

test.each([
  ['a read that fails', 'GET', (call: Call) => call.fail(new TypeError('fetch failed'))],
  ['a write that was refused', 'PUT', (call: Call) => call.answer(undefined, { status: 409 })],
  ['a server that does not take writes on', 'PUT', (call: Call) => call.answer(undefined, { status: 503 })],
])('%s loses nothing', async (_, method, end) => {
  const { get, last, write, events, token } = setup()
  await write('t1')
  const answer = get('/', { method }).catch(() => {})
  end(last())
  await answer
  expect([token(), events]).toEqual(['t1', []])
})

test('a request that was aborted before it was sent loses nothing', async () => {
  const { put, calls, token } = setup()
  await expect(put('/', { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late')
  expect([calls.length, token()]).toEqual([0, undefined])
})

test('more tokens than can be carried: the primary covers them', async () => {
  const { put, calls, events, token } = setup()
  const writes = Array.from({ length: 9 }, () => put())
  for (const [index, call] of calls.entries()) call.answer(`t${index}`)
  await Promise.all(writes)
  expect([token(), events]).toEqual(['lost', [{ type: 'token-lost', key: SITE, reason: 'too-many' }]])
})

test('a write is lost while a read that carries an earlier loss is under way: its answer, which is older, does not end that', async () => {
  const { put, get, calls, events, token } = setup()
  const first = put().catch(() => {})
  calls[0]?.fail(new TypeError('fetch failed'))
  await first
  const [read, second] = [get(), put().catch(() => {})]
  calls[2]?.fail(new TypeError('fetch failed'))
  await second
  calls[1]?.answer('older')
  await read
  expect([token(), events.length]).toEqual(['lost', 1])
  const next = get()
  calls[3]?.answer('newer')
  await next
  expect(token()).toBe('newer')
})

test('a token that another tab took out of the storage is put there again when an answer has it', async () => {
  const silent: ChannelLike = { postMessage: () => {}, addEventListener: () => {}, close: () => {} }
  const shared = { storage: new MemoryStorage(), channel: silent }
  const [one, other, third] = [setup(shared), setup(shared), setup(shared)]
  const lost = other.put().catch(() => {})
  await one.write('t2')
  other.last().fail(new TypeError('fetch failed'))
  await lost
  const read = one.get()
  one.last().answer('t2')
  await read
  expect([one.token(), third.token()]).toEqual(['t2', 't2'])
})

test('each origin has its own tokens; keyOf() may tell databases apart, or leave requests alone', async () => {
  const { client, write, last } = setup()
  await write('t1')
  void client.fetch('https://elsewhere.example/')
  expect(last().sent).toBeNull()
  const keyed = setup({
    keyOf: ({ pathname }) => (pathname === '/static' ? undefined : pathname.split('/')[1]),
  })
  const put = keyed.put('/users/1')
  keyed.last().answer('t1')
  await put
  void keyed.get('/users/2')
  expect(keyed.last().sent).toBe('t1')
  for (const path of ['/orders/2', '/static']) {
    void keyed.get(path)
    expect(keyed.last().sent).toBeNull()
  }
})

test('what a redirect leads to elsewhere is kept for there', async () => {
  const { get, last, client, token } = setup()
  const read = get()
  last().answer('t1', {}, { redirected: true, url: 'https://elsewhere.example/x' })
  await read
  expect([token(), client.token('https://elsewhere.example/')]).toEqual([undefined, 't1'])
})

test('on another origin: a token that cannot be read is reported once, and nothing unknown is sent', async () => {
  vi.stubGlobal('location', { href: 'https://page.example/a/', origin: 'https://page.example' })
  const { put, get, last, events, token } = setup({ storage: false, channel: false })
  for (const path of ['/1', '/2']) {
    const write = put(path)
    last().answer()
    await write
  }
  expect(events).toEqual([{ type: 'token-unreadable', key: SITE, url: `${SITE}/1` }])
  const failed = put().catch(() => {})
  last().fail(new TypeError('fetch failed'))
  await failed
  expect(token()).toBeUndefined()
  void get('/', { mode: 'no-cors' })
  expect(last().init.headers).toBeUndefined()
})

test('relative URLs are those of the page', async () => {
  vi.stubGlobal('location', { href: 'https://page.example/a/', origin: 'https://page.example' })
  const { client, last } = setup({ storage: false, channel: false })
  const write = client.fetch('b', { method: 'POST' })
  last().answer('t1')
  await write
  expect([last().url, client.token('/c'), client.token('https://page.example')]).toEqual(['b', 't1', 't1'])
})

test('a page loaded later, and one loaded already, know what was written', async () => {
  const storage = new MemoryStorage()
  const clock = new VirtualClock()
  const [one, other] = [setup({ storage, clock }), setup({ storage, clock })]
  await one.write('t1')
  expect([other.token(), setup({ storage, clock }).token()]).toEqual(['t1', 't1'])
  await other.write('t2')
  expect(setup({ storage, clock }).token()).toBe('t2')
})

test('two tabs that write at once do not write over each other’s token', async () => {
  const storage = new MemoryStorage()
  const tabs = [setup({ storage }), setup({ storage })]
  const writes = tabs.map(({ put }) => put())
  for (const [index, tab] of tabs.entries()) tab.last().answer(`t${index}`)
  await Promise.all(writes)
  expect(setup({ storage }).token()).toBe('t0, t1')
})

test('without storage tabs hear of tokens by the channel, and a new one asks', async () => {
  const hub = new Hub()
  const [one, other] = [setup({ channel: hub.open() }), setup({ channel: hub.open() })]
  const heard = vi.fn<(key: string) => void>()
  const end = other.client.subscribe(heard)
  await one.write('t1')
  expect([other.token(), heard.mock.calls]).toEqual(['t1', [[SITE]]])
  expect(setup({ channel: hub.open() }).token()).toBe('t1')
  await other.write('t2')
  expect(one.token()).toBe('t2')
  end()
  await one.write('t3')
  expect([other.token(), heard.mock.calls.length]).toEqual(['t3', 1])
  one.client.close()
  await one.write('t4')
  expect(other.token()).toBe('t3')
})

test('a tab is told of a token also if the storage was faster than the channel', async () => {
  const storage = new MemoryStorage()
  const hub = new Hub()
  const [one, other] = [setup({ storage, channel: hub.open() }), setup({ storage, channel: hub.open() })]
  const heard = vi.fn<(key: string) => void>()
  other.client.subscribe(heard)
  await one.write('t1')
  expect(heard.mock.calls).toEqual([[SITE]])
})

test('rubbish in the storage and on the channel is not taken', async () => {
  const storage = new MemoryStorage()
  const hub = new Hub()
  const { token, write } = setup({ storage, channel: hub.open() })
  for (const name of ['', 'x', `${SITE} `, `${SITE} a,b`, ' t', `${SITE} ${'x'.repeat(2_000)}`]) {
    storage.setItem(`quorate:quorate-session:${name}`, '9e15')
  }
  storage.setItem(`quorate:quorate-session:${SITE} t1`, 'no time')
  const stranger = hub.open()
  stranger.addEventListener('message', () => {})
  for (const message of [
    null,
    1,
    {},
    { type: 'change' },
    { type: 'change', key: SITE, add: [1, 'a b'], remove: [2] },
  ]) {
    stranger.postMessage(message) // oxlint-disable-line unicorn/require-post-message-target-origin -- no window
  }
  expect(token()).toBeUndefined()
  await write('t2')
  expect(token()).toBe('t2')
})

test('a storage that fails is reported, and memory goes on', async () => {
  const full = new DOMException('full', 'QuotaExceededError')
  const storage = new MemoryStorage()
  storage.setItem = () => {
    throw full
  }
  const { write, token, events } = setup({ storage })
  await write('t1')
  expect([token(), events]).toEqual(['t1', [{ type: 'storage-failed', cause: full }]])
})

test('tokens are sent for maxAgeMs, and then leave the storage', async () => {
  const clock = new VirtualClock()
  const storage = new MemoryStorage()
  const { write, token } = setup({ clock, storage, maxAgeMs: 1_000 })
  await write('t1')
  await clock.advance(1_000)
  expect(token()).toBe('t1')
  await clock.advance(1)
  expect([token(), storage.length]).toEqual([undefined, 0])
})

test('merge() takes in what came with the page, clear() forgets it everywhere', async () => {
  const storage = new MemoryStorage()
  const hub = new Hub()
  const [one, other] = [setup({ storage, channel: hub.open() }), setup({ storage, channel: hub.open() })]
  one.client.merge(`${SITE}/page`, 't1')
  expect([one.token(), other.token()]).toEqual(['t1', 't1'])
  one.client.clear()
  expect([one.token(), other.token(), storage.length]).toEqual([undefined, undefined, 0])
})

test('on a server nothing is shared between users, whatever the server has', () => {
  const BroadcastChannel = vi.fn<() => void>()
  vi.stubGlobal('BroadcastChannel', BroadcastChannel)
  const getLocalStorage = vi.fn<() => StorageLike>()
  vi.stubGlobal('localStorage', undefined)
  Object.defineProperty(globalThis, 'localStorage', { get: getLocalStorage, configurable: true })
  createClient().close()
  expect([BroadcastChannel, getLocalStorage].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
})

test('in a browser tabs share by themselves, and a sandbox that forbids it is no error', async () => {
  vi.stubGlobal('location', { href: `${SITE}/`, origin: SITE })
  const storage = new MemoryStorage()
  vi.stubGlobal('localStorage', storage)
  vi.stubGlobal('BroadcastChannel', function () {
    throw new DOMException('opaque', 'SecurityError')
  })
  const { write } = setup()
  await write('t1')
  expect([...storage.entries.keys()]).toEqual([`quorate:quorate-session:${SITE} t1`])
})

test('wrong options are refused', () => {
  expect(() => createClient({ headers: 'x' } as never)).toThrow(/unknown option headers/)
  expect(() => createClient({ header: 'a b' })).toThrow(/header must be a name .* got 'a b'/)
  expect(() => createClient({ maxAgeMs: 0 })).toThrow(RangeError)
})
