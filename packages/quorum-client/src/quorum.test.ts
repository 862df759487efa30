import { isQuorateError, VirtualClock } from '@quorate/core'
import { expect, onTestFinished, test } from 'vitest'
import { type Quorum, quorum, type QuorumEvent, type QuorumOptions, QuorumUnavailableError } from './index.ts'
import { memoryReplica } from './memory/index.ts'
import { faultyReplica } from './testing/index.ts'

const IDS = ['us', 'eu', 'ap', 'sa', 'af']
const OLD = '000000000001-0000-old'
const NEW = '000000000002-0000-new'

/** Replicas in memory that can be broken, on a clock that the test moves. */
function cluster(n = 3, options: Partial<QuorumOptions<unknown>> = {}) {
  const clock = new VirtualClock()
  const events: QuorumEvent[] = []
  const stores = IDS.slice(0, n).map((id) => memoryReplica<unknown>({ id }))
  const replicas = stores.map((store) => faultyReplica(store))
  const client: Quorum<unknown> = quorum<unknown>({
    replicas,
    w: 'QUORUM',
    r: 'QUORUM',
    clock,
    writer: 'w',
    onEvent: (event) => events.push(event),
    ...options,
  })
  // What a test leaves frozen runs into its deadline, so that no timer stays behind.
  onTestFinished(async () => {
    for (const replica of replicas) replica.heal()
    await clock.advance(2_000)
    await client.stop()
  })
  const [us, eu, ap] = replicas as [(typeof replicas)[0], (typeof replicas)[0], (typeof replicas)[0]]
  const tagsOf = (key: string): (string | undefined)[] => stores.map(({ records }) => records.get(key)?.tag)
  return { clock, events, stores, replicas, client, us, eu, ap, tagsOf }
}

test('a value written is read, with who answered', async () => {
  const { client } = cluster()
  const written = await client.write('k', { price: 5 })
  expect(written).toMatchObject({ status: 'ok', superseded: false, failures: [] })
  const read = await client.read('k')
  expect(read.value).toEqual({ price: 5 })
  expect(read.tag).toBe(written.tag)
  expect(read.responses.length).toBe(2)
  expect(read.repaired).toEqual([])
})

test('a key that nobody has is undefined', async () => {
  const { client } = cluster()
  expect(await client.read('k')).toMatchObject({ value: undefined, tag: undefined, repaired: [] })
})

test('read() returns the newest of R answers and repairs the stale one that answered', async () => {
  const { client, us, eu, ap, tagsOf, events } = cluster()
  await us.putIfNewer('k', { tag: OLD, value: 'old' })
  await eu.putIfNewer('k', { tag: NEW, value: 'new' })
  ap.fail()
  expect(await client.read('k')).toMatchObject({ value: 'new', tag: NEW, repaired: ['us'] })
  expect(tagsOf('k')).toEqual([NEW, NEW, undefined])
  expect(events).toContainEqual({ type: 'repaired', replica: 'us', key: 'k', from: OLD, to: NEW })
})

test('a repair never replaces what became newer meanwhile', async () => {
  const { client, us, eu, ap, tagsOf } = cluster()
  await us.putIfNewer('k', { tag: OLD, value: 'old' })
  await eu.putIfNewer('k', { tag: NEW, value: 'new' })
  ap.fail()
  const reading = client.read('k')
  await us.putIfNewer('k', { tag: '000000000003-0000-x', value: 'newest' })
  await reading
  expect(tagsOf('k')[0]).toBe('000000000003-0000-x')
})

test('read() with readRepair off leaves the stale one stale', async () => {
  const { client, us, eu, ap, tagsOf } = cluster(3, { readRepair: 'off' })
  await us.putIfNewer('k', { tag: OLD, value: 'old' })
  await eu.putIfNewer('k', { tag: NEW, value: 'new' })
  ap.fail()
  expect(await client.read('k')).toMatchObject({ value: 'new', repaired: [] })
  expect(tagsOf('k')[0]).toBe(OLD)
})

test('a repair that fails does not fail the read', async () => {
  const { client, us, eu, ap, events } = cluster()
  await us.putIfNewer('k', { tag: NEW, value: 'new' })
  ap.fail()
  eu.loseReplies()
  expect(await client.read('k')).toMatchObject({ value: 'new', repaired: [] })
  expect(events).toContainEqual(expect.objectContaining({ replica: 'eu', operation: 'repair' }))
})

test('a frozen replica is not waited for', async () => {
  const { client, ap, clock } = cluster()
  ap.freeze()
  expect(await client.write('k', 1)).toMatchObject({ status: 'ok' })
  expect((await client.read('k')).value).toBe(1)
  expect(clock.monotonic()).toBe(0)
})

test('read() with fewer than R answers in time rejects at its deadline', async () => {
  const { client, eu, ap, clock } = cluster()
  eu.freeze()
  ap.freeze()
  const reading = client.read('k', { deadlineMs: 300 })
  const failed = reading.catch((error: unknown) => error)
  await clock.advance(299)
  expect(clock.pending).toBe(1)
  await clock.advance(1)
  expect(await failed).toMatchObject({
    code: 'QUORATE_QUORUM_UNAVAILABLE',
    outcome: 'not-applied',
    keys: ['k'],
    needed: 2,
    responses: ['us'],
    failures: [],
    cause: expect.objectContaining({ name: 'TimeoutError' }),
  })
  expect(clock.pending).toBe(0)
})

test('read() rejects at once when R can no longer be reached', async () => {
  const { client, eu, ap, clock } = cluster()
  const down = new Error('down')
  eu.fail(down)
  ap.fail(down)
  const error = await client.read('k').catch((caught: unknown) => caught)
  expect(isQuorateError(error)).toBe(true)
  expect(error).toBeInstanceOf(QuorumUnavailableError)
  expect(error).toMatchObject({
    failures: [
      { replica: 'eu', error: down },
      { replica: 'ap', error: down },
    ],
  })
  expect(clock.monotonic()).toBe(0)
})

test('read() at a lower level needs fewer', async () => {
  const { client, eu, ap } = cluster()
  await client.write('k', 1, { consistency: 'ALL' })
  eu.fail()
  ap.fail()
  expect((await client.read('k', { consistency: 'ONE' })).value).toBe(1)
  await expect(client.read('k', { consistency: 'ALL' })).rejects.toThrow(QuorumUnavailableError)
  await expect(client.read('k', { consistency: 4 })).rejects.toThrow(RangeError)
})

test('read() rejects with the reason when aborted, before and during', async () => {
  const { client, eu, ap } = cluster()
  const reason = new Error('the user left')
  await expect(client.read('k', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  eu.freeze()
  ap.freeze()
  const controller = new AbortController()
  const reading = client.read('k', { signal: controller.signal })
  controller.abort(reason)
  await expect(reading).rejects.toBe(reason)
})

test('write() that misses W is indeterminate, and its value may surface', async () => {
  const { client, us, eu, ap, clock, events } = cluster()
  eu.freeze()
  ap.freeze()
  const writing = client.write('k', 'maybe')
  await clock.advance(2_000)
  const written = await writing
  expect(written).toMatchObject({ status: 'indeterminate', acks: ['us'], failures: [] })
  expect(events).toContainEqual({
    type: 'write-indeterminate',
    key: 'k',
    tag: written.tag,
    acks: ['us'],
    needed: 2,
  })
  ap.heal()
  await ap.putIfNewer('x', { tag: OLD, value: 0 })
  expect((await client.read('k')).value).toBe('maybe')
  expect(us.calls.putIfNewer).toBe(1)
})

test('write() whose replies are lost is indeterminate, though it happened', async () => {
  const { client, us, eu, ap, tagsOf } = cluster()
  for (const replica of [us, eu, ap]) replica.loseReplies()
  const { status, tag, acks } = await client.write('k', 1)
  expect({ status, acks }).toEqual({ status: 'indeterminate', acks: [] })
  expect(tagsOf('k')).toEqual([tag, tag, tag])
})

test('writing an indeterminate write again with its tag is the same write', async () => {
  const { client, us, eu, ap, tagsOf } = cluster()
  eu.loseReplies()
  ap.fail()
  const first = await client.write('k', 'v')
  expect(first.status).toBe('indeterminate')
  eu.heal()
  const again = await client.write('k', 'v', { tag: first.tag })
  expect(again).toMatchObject({ status: 'ok', tag: first.tag, superseded: false })
  expect(tagsOf('k')).toEqual([first.tag, first.tag, undefined])
  expect(us.calls.putIfNewer).toBe(2)
})

test('write() goes on to the replicas beyond W after it has returned', async () => {
  const { client, ap, tagsOf } = cluster()
  ap.freeze()
  const { tag } = await client.write('k', 1)
  ap.heal()
  await client.stop()
  expect(tagsOf('k')).toEqual([tag, tag, tag])
})

test('write() says that a newer write has won', async () => {
  const { client, us, eu, ap } = cluster()
  for (const replica of [us, eu, ap])
    await replica.putIfNewer('k', { tag: 'ff0000000000-0000-x', value: 'future' })
  expect(await client.write('k', 1)).toMatchObject({ status: 'ok', superseded: true })
  expect((await client.read('k')).value).toBe('future')
})

test('a linearizable write goes above what is there, whatever the clocks say', async () => {
  const { client, us, eu, ap } = cluster()
  for (const replica of [us, eu, ap])
    await replica.putIfNewer('k', { tag: 'ff0000000000-0000-x', value: 'future' })
  const written = await client.write('k', 1, { consistency: 'linearizable' })
  expect(written).toMatchObject({ status: 'ok', superseded: false })
  expect((await client.read('k')).value).toBe(1)
})

test('a linearizable write that cannot ask R replicas writes nothing', async () => {
  const { client, us, eu, ap, tagsOf } = cluster()
  eu.fail()
  ap.fail()
  await expect(client.write('k', 1, { consistency: 'linearizable' })).rejects.toMatchObject({
    outcome: 'not-applied',
  })
  expect(tagsOf('k')).toEqual([undefined, undefined, undefined])
  expect(us.calls.putIfNewer).toBe(0)
})

test('write() aborted before it is sent rejects; after, it is indeterminate', async () => {
  const { client, eu, ap, tagsOf } = cluster()
  const reason = new Error('stop')
  await expect(client.write('k', 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect(tagsOf('k')).toEqual([undefined, undefined, undefined])
  eu.freeze()
  ap.freeze()
  const controller = new AbortController()
  const writing = client.write('k', 1, { signal: controller.signal })
  controller.abort(reason)
  expect((await writing).status).toBe('indeterminate')
})

/** A write has reached `us` only. The first read meets it there, the second one does not get to ask there. */
async function readsDuringWrite(
  consistency: 'QUORUM' | 'linearizable',
  readRepair: 'blocking' | 'off',
): Promise<unknown[]> {
  const { client, us, eu, ap } = cluster(3, { readRepair })
  for (const replica of [us, eu, ap]) await replica.putIfNewer('k', { tag: OLD, value: 'old' })
  await us.putIfNewer('k', { tag: NEW, value: 'new' })
  ap.freeze()
  const first = await client.read('k', { consistency })
  us.freeze()
  ap.heal()
  const second = await client.read('k', { consistency })
  return [first.value, second.value]
}

test('W + R > N alone is not linearizable: a read that follows another goes back in time', async () => {
  expect(await readsDuringWrite('QUORUM', 'off')).toEqual(['new', 'old'])
})

test('write-back keeps the second read from going back, and so does read repair with 2 R > N', async () => {
  expect(await readsDuringWrite('linearizable', 'off')).toEqual(['new', 'new'])
  expect(await readsDuringWrite('QUORUM', 'blocking')).toEqual(['new', 'new'])
})

test('a linearizable read writes nothing back when enough replicas agree', async () => {
  const { client, us, eu, ap } = cluster()
  await client.write('k', 1, { consistency: 'ALL' })
  await client.read('k', { consistency: 'linearizable' })
  expect(us.calls.putIfNewer + eu.calls.putIfNewer + ap.calls.putIfNewer).toBe(3)
})

test('a linearizable read that cannot write back rejects instead of telling what may be untold', async () => {
  const { client, us, eu, ap } = cluster()
  await us.putIfNewer('k', { tag: NEW, value: 'new' })
  ap.fail()
  eu.loseReplies()
  await expect(client.read('k', { consistency: 'linearizable' })).rejects.toMatchObject({
    code: 'QUORATE_QUORUM_UNAVAILABLE',
    needed: 2,
    responses: ['us'],
  })
})

test('linearizable needs W + R > N and something to write back to', async () => {
  const { client } = cluster(3, { w: 1, r: 2 })
  await expect(client.read('k', { consistency: 'linearizable' })).rejects.toThrow(RangeError)
  await expect(client.write('k', 1, { consistency: 'linearizable' })).rejects.toThrow(RangeError)
  const reader = quorum({ replicas: IDS.map((id) => memoryReplica({ id })) })
  await expect(reader.read('k', { consistency: 'linearizable' })).rejects.toThrow(RangeError)
})

test('readMany() asks each replica once and keeps the order of the keys', async () => {
  const { client, us, eu, ap } = cluster()
  for (const key of ['a', 'b', 'c']) await client.write(key, key.toUpperCase(), { consistency: 'ALL' })
  const results = await client.readMany(['c', 'a', 'absent', 'c'])
  expect([...results].map(([key, { value }]) => [key, value])).toEqual([
    ['c', 'C'],
    ['a', 'A'],
    ['absent', undefined],
  ])
  expect([us, eu, ap].map(({ calls }) => calls)).toEqual(
    Array.from({ length: 3 }, () => ({ get: 0, getMany: 1, putIfNewer: 3 })),
  )
})

test('readMany() repairs each key on its own', async () => {
  const { client, us, eu, ap, tagsOf } = cluster()
  ap.fail()
  await us.putIfNewer('a', { tag: NEW, value: 1 })
  await eu.putIfNewer('b', { tag: OLD, value: 2 })
  const results = await client.readMany(['a', 'b'])
  expect(results.get('a')).toMatchObject({ value: 1, repaired: ['eu'] })
  expect(results.get('b')).toMatchObject({ value: 2, repaired: ['us'] })
  expect([tagsOf('a'), tagsOf('b')]).toEqual([
    [NEW, NEW, undefined],
    [OLD, OLD, undefined],
  ])
})

test('readMany() of nothing is empty and asks nobody; of too much is refused', async () => {
  const { client, us } = cluster()
  expect((await client.readMany([])).size).toBe(0)
  expect(us.calls).toEqual({ get: 0, getMany: 0, putIfNewer: 0 })
  await expect(client.readMany(Array.from({ length: 10_001 }, (_, i) => `${i}`))).rejects.toThrow(RangeError)
  await expect(client.readMany(['a', ''])).rejects.toThrow(TypeError)
})

test('with n below the number of replicas each key is on n of them, the same for every client', async () => {
  const { client, stores } = cluster(5, { n: 3, w: 3, r: 2 })
  const keys = Array.from({ length: 50 }, (_, i) => `key-${i}`)
  for (const key of keys) await client.write(key, key)
  const copies = keys.map((key) => stores.filter(({ records }) => records.has(key)).length)
  expect(new Set(copies)).toEqual(new Set([3]))
  expect(stores.every(({ records }) => records.size > 10)).toBe(true)
  const other = quorum<unknown>({ replicas: stores.toReversed(), n: 3, w: 3, r: 2 })
  const results = await other.readMany(keys)
  expect(keys.every((key) => results.get(key)?.value === key)).toBe(true)
  expect(results.get('key-0')?.responses.length).toBeGreaterThanOrEqual(2)
})

test('a quorum without w reads replicas that cannot be written, newest version first', async () => {
  const row = (id: string, version: number) => ({
    id,
    get: async () => ({ tag: version, value: { available: version * 10 } }),
  })
  const reader = quorum<{ available: number }, number>({
    replicas: [row('primary', 9), row('a', 10), row('b', 9)],
    r: 3,
  })
  expect(await reader.read('sku')).toEqual({
    value: { available: 100 },
    tag: 10,
    responses: [
      { replica: 'primary', tag: 9 },
      { replica: 'a', tag: 10 },
      { replica: 'b', tag: 9 },
    ],
    repaired: [],
  })
  await expect((reader as unknown as Quorum<unknown>).write('sku', 1)).rejects.toThrow(TypeError)
})

test('calls on a frozen replica do not pile up past maxInFlight', async () => {
  const { client, ap, events, clock } = cluster(3, { maxInFlight: 5 })
  ap.freeze()
  for (let i = 0; i < 20; i++) await client.write('k', i)
  expect(ap.calls.putIfNewer).toBe(5)
  const busy = events.filter((event) => event.type === 'replica-failed')
  expect(busy[0]).toMatchObject({ replica: 'ap', error: { code: 'QUORATE_REPLICA_BUSY', maxInFlight: 5 } })
  ap.heal()
  await clock.advance(0)
  expect((await client.write('k', 'again', { consistency: 'ALL' })).status).toBe('ok')
})

test('stop() waits for what runs and refuses what comes', async () => {
  const { client, ap, clock, tagsOf } = cluster()
  ap.freeze()
  await client.write('k', 1, { deadlineMs: 500 })
  let stopped = false
  const stopping = client.stop().then(() => (stopped = true))
  await clock.advance(499)
  expect(stopped).toBe(false)
  await clock.advance(1)
  await stopping
  expect(clock.pending).toBe(0)
  ap.heal()
  expect(tagsOf('k')[2]).toBe(undefined)
  await expect(client.read('k')).rejects.toMatchObject({
    code: 'QUORATE_QUORUM_STOPPED',
    outcome: 'not-applied',
  })
  await expect(client.write('k', 1)).rejects.toMatchObject({ code: 'QUORATE_QUORUM_STOPPED' })
})

test('what a listener throws changes nothing', async () => {
  const { client, ap } = cluster(3, {
    onEvent: () => {
      throw new Error('listener')
    },
  })
  ap.fail()
  expect((await client.write('k', 1)).status).toBe('ok')
})

test('no timer is left after a call', async () => {
  const { client, clock } = cluster()
  await client.write('k', 1, { consistency: 'ALL' })
  await client.read('k')
  await client.stop()
  expect(clock.pending).toBe(0)
})

test('wrong options and arguments are refused', async () => {
  const replicas = IDS.map((id) => memoryReplica<unknown>({ id }))
  const [first] = replicas
  for (const wrong of [
    { replicas: [] },
    { replicas: [first, first] },
    { w: 6 },
    { r: 0 },
    { n: 6 },
    { n: 0 },
    { deadlineMs: 0 },
    { maxInFlight: 0 },
    { writer: 'é' },
  ]) {
    expect(() => quorum({ replicas, w: 3, ...wrong } as QuorumOptions<unknown>)).toThrow(RangeError)
  }
  const readOnly = { id: 'r', get: async () => undefined } as unknown as (typeof replicas)[0]
  expect(() => quorum({ replicas: [readOnly], w: 1 })).toThrow(TypeError)
  const { client } = cluster()
  await expect(client.write('k', undefined)).rejects.toThrow(TypeError)
  await expect(client.write('', 1)).rejects.toThrow(TypeError)
  await expect(client.write('k', 1, { tag: 'mine' })).rejects.toThrow(TypeError)
  await expect(client.read('k', { deadlineMs: Number.NaN })).rejects.toThrow(RangeError)
})

test('readMany() repairs a replica that lacks 1,000 keys, a few at a time', async () => {
  const [us, eu, ap] = ['us', 'eu', 'ap'].map((id) => memoryReplica<number>({ id }))
  if (us === undefined || eu === undefined || ap === undefined) throw new Error('three replicas')
  let running = 0
  let most = 0
  const slow = {
    ...eu,
    putIfNewer: async (key: string, record: { tag: string; value: number }) => {
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
      return eu.putIfNewer(key, record)
    },
  }
  const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}`)
  for (const key of keys) await us.putIfNewer(key, { tag: OLD, value: 1 })
  const values = quorum<number>({ replicas: [us, slow, ap], w: 2, r: 2 })
  const first = await values.readMany(keys)
  expect([...first.values()].filter(({ repaired }) => repaired.length === 0)).toEqual([])
  expect(eu.records.size).toBe(1_000)
  expect(most).toBeLessThanOrEqual(32)
  expect((await values.readMany(keys, { consistency: 'linearizable' })).size).toBe(1_000)
})

test('an adapter that answers nonsense is a replica that failed', async () => {
  const replicas = ['us', 'eu', 'ap'].map((id) => ({
    id,
    get: () => Promise.resolve(undefined),
    getMany: () => Promise.resolve(undefined as never),
  }))
  const values = quorum<number>({ replicas, r: 2 })
  await expect(values.readMany(['a', 'b'])).rejects.toMatchObject({
    code: 'QUORATE_QUORUM_UNAVAILABLE',
    failures: [{ error: expect.any(TypeError) }, { error: expect.any(TypeError) }],
  })
})

test('stop() waits for a linearizable write that has only asked so far', async () => {
  const stores = ['us', 'eu', 'ap'].map((id) => memoryReplica<number>({ id }))
  const done: string[] = []
  const replicas = stores.map((store) => ({
    ...store,
    putIfNewer: async (key: string, record: { tag: string; value: number }) => {
      for (let turn = 0; turn < 50; turn++) await Promise.resolve()
      done.push(store.id)
      return store.putIfNewer(key, record)
    },
  }))
  const values = quorum<number>({ replicas, w: 2, r: 2 })
  const write = values.write('k', 1, { consistency: 'linearizable' })
  await values.stop()
  expect(done).toEqual(['us', 'eu', 'ap'])
  expect(await write).toMatchObject({ status: 'ok' })
})

const three = IDS.slice(0, 3).map((id) => memoryReplica<unknown>({ id }))

test.each([
  ['nothing', undefined, TypeError, /replicas must be an array/],
  ['no replicas', {}, TypeError, /replicas must be an array/],
  ['an empty list', { replicas: [] }, RangeError, /there must be a replica/],
  ['one replica', { replicas: three[0] }, TypeError, /replicas must be an array/],
  [
    'a replica without get',
    { replicas: [{ id: 'us' }] },
    TypeError,
    /each replica must have an id and get\(\)/,
  ],
  [
    'a replica without id',
    { replicas: [{ get() {} }] },
    TypeError,
    /each replica must have an id and get\(\)/,
  ],
  ['null as a replica', { replicas: [null] }, TypeError, /each replica must have an id and get\(\)/],
  ['one id twice', { replicas: [three[0], three[0]] }, RangeError, /the same id/],
  ['W', { replicas: three, W: 2 }, TypeError, /unknown option W; known are .*\bw\b/],
  [
    'readRepair: false',
    { replicas: three, readRepair: false },
    TypeError,
    /readRepair must be blocking or off/,
  ],
])('quorum() refuses %s', (_name, options, type, message) => {
  expect(() => quorum(options as never)).toThrow(type)
  expect(() => quorum(options as never)).toThrow(message)
})

test('a consistency that is none is refused with the ones there are', async () => {
  const { client } = cluster()
  await expect(client.read('k', { consistency: 'strong' as never })).rejects.toThrow(
    /^consistency must be ONE, TWO, QUORUM, ALL, 'linearizable' or a whole number .*got strong/,
  )
})

test('a misspelt option is refused, by name: it would mean a weaker consistency', async () => {
  const { client, tagsOf } = cluster()
  const wrong = { consistancy: 'linearizable' } as object
  await expect(client.read('k', wrong)).rejects.toThrow(TypeError)
  await expect(client.read('k', wrong)).rejects.toThrow(
    /^Cannot read: unknown option consistancy; known are consistency, signal, deadlineMs$/,
  )
  await expect(client.readMany(['k'], { tag: undefined } as object)).rejects.toThrow(/unknown option tag/)
  await expect(client.write('k', 1, wrong)).rejects.toThrow(
    /^Cannot write: unknown option consistancy; known are consistency, signal, deadlineMs, tag$/,
  )
  expect(tagsOf('k')).toEqual([undefined, undefined, undefined])
})

const round: { self?: unknown } = {}
round.self = round

test.each([[1n], [() => 1], [Symbol('x')], [{ price: 5n }], [round]])(
  'write() refuses a value without a JSON form before anything is sent',
  async (value) => {
    const { client, tagsOf } = cluster()
    await expect(client.write('k', value)).rejects.toThrow(/Cannot write a value without a JSON form/)
    await expect(client.write('k', value)).rejects.toThrow(TypeError)
    expect(tagsOf('k')).toEqual([undefined, undefined, undefined])
  },
)
