// Who is put into which statement, what comes back, and how it ends.
import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { FakeStore, never, over, settle } from './fake-store.test-helper.ts'
import { Flight } from './flight.ts'
import { Lanes } from './lanes.ts'
import type { Grant } from './options.ts'
import { Request } from './request.ts'

test('requests of one turn share a statement, and each has its own answer', async () => {
  const store = new FakeStore({ mug: 5, lamp: 1 })
  const { take } = over(store)
  const answers = await Promise.all([
    take('mug', 3),
    take('lamp', 2),
    take('mug', 3),
    take('mug', 2),
    take('no'),
  ])
  expect(answers).toEqual([{ left: 2 }, undefined, undefined, { left: 0 }, undefined])
  expect(store.sent).toHaveLength(1)
  await settle()
  expect(store.closed).toEqual([false])
})

test('requests that come during a statement wait for the next one, in their order', async () => {
  const store = new FakeStore({ mug: 100 })
  const gate = Promise.withResolvers<undefined>()
  store.before = () => gate.promise
  const { take } = over(store)
  const answers = [take('mug')]
  await settle()
  for (let index = 0; index < 10; index++) answers.push(take('mug'))
  await settle()
  expect(store.sent).toHaveLength(1)
  gate.resolve(undefined)
  expect((await Promise.all(answers)).map((grant) => grant?.left)).toEqual(
    Array.from({ length: 11 }, (_, index) => 99 - index),
  )
  expect(store.sent).toHaveLength(2)
})

test('another key does not wait for a statement under way, up to the concurrency', async () => {
  const store = new FakeStore({ mug: 9, lamp: 9, pen: 9 })
  store.before = ([item]) => (item?.key['sku'] === 'mug' ? never : Promise.resolve(undefined))
  const { take } = over(store)
  void take('mug')
  await settle()
  expect(await take('lamp')).toEqual({ left: 8 })
  expect(await take('pen')).toEqual({ left: 8 })
  store.before = () => never
  for (const sku of ['lamp', 'pen', 'lamp']) {
    void take(sku)
    await settle()
  }
  expect(store.sent.map(([item]) => item?.key['sku'])).toEqual(['mug', 'lamp', 'pen', 'lamp'])
})

test('a full queue refuses with a typed error, and takes again when it is not full', async () => {
  const store = new FakeStore({ mug: 9 })
  const gate = Promise.withResolvers<undefined>()
  store.before = () => gate.promise
  const { take, queue } = over(store, { maxWaiting: 2 })
  const first = take('mug')
  await settle()
  const waiting = [take('mug'), take('mug')]
  expect(queue.waiting).toBe(2)
  await expect(take('mug')).rejects.toMatchObject({
    code: 'QUORATE_BATCHER_FULL',
    outcome: 'not-applied',
    waiting: 2,
  })
  gate.resolve(undefined)
  await Promise.all([first, ...waiting])
  expect(await take('mug')).toEqual({ left: 5 })
})

test('what goes up beyond the end of numbers fails alone', async () => {
  const store = new FakeStore({ mug: Number.MAX_SAFE_INTEGER - 5 })
  const { queue } = over(store)
  const answers = await Promise.allSettled(
    [5, 1, -2, 2].map((delta) => queue.request('mug', { sku: 'mug' }, delta)),
  )
  const max = Number.MAX_SAFE_INTEGER
  expect(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value?.left : answer.reason.name)),
  ).toEqual([max, 'RangeError', max - 2, max])
})

test('a flight that has landed holds none of its requests', async () => {
  const session = await new FakeStore({ mug: 5 }).open()
  const lanes = new Lanes<Request>()
  const lane = lanes.open('mug', { sku: 'mug' })
  const { promise, resolve, reject } = Promise.withResolvers<Grant | undefined>()
  lanes.add(lane, new Request(-1, resolve, reject, Infinity))
  const flight = new Flight(session, lanes.take(1), {
    table: 'stock',
    min: 0,
    clock: new VirtualClock(),
    onEvent: undefined,
  })
  expect(flight.groups).toHaveLength(1)
  await flight.run()
  flight.end()
  expect(await promise).toEqual({ left: 4 })
  expect(flight.groups).toEqual([])
})

test('stop() waits for the statement under way', async () => {
  const store = new FakeStore({ mug: 3 })
  const gate = Promise.withResolvers<undefined>()
  store.before = () => gate.promise
  const { take, queue } = over(store)
  const answer = take('mug')
  await settle()
  let isStopped = false
  const stopped = queue.stop().then(() => (isStopped = true))
  await settle()
  expect(isStopped).toBe(false)
  gate.resolve(undefined)
  expect(await answer).toEqual({ left: 2 })
  await stopped
  expect(store.closed).toEqual([false])
})

test('stop() answers everybody, refuses those who come later, and leaves no timer', async () => {
  const store = new FakeStore({ mug: 3 })
  const { take, queue } = over(store, { maxBatch: 2 })
  const answers = Array.from({ length: 5 }, () => take('mug'))
  const stopped = queue.stop()
  await expect(take('mug')).rejects.toMatchObject({ code: 'QUORATE_BATCHER_STOPPED', outcome: 'not-applied' })
  expect((await Promise.all(answers)).map((grant) => grant?.left)).toEqual([2, 1, 0, undefined, undefined])
  await stopped
  expect(store.sent).toHaveLength(3)
  await queue.stop()
})

test('stop() during an outage ends when the last deadline has passed, and closes a connection that comes late', async () => {
  const store = new FakeStore({ mug: 3 })
  const late = Promise.withResolvers<Awaited<ReturnType<FakeStore['open']>>>()
  const open = store.open
  store.open = () => late.promise
  const time = new VirtualClock()
  const { take, queue } = over(store, { clock: time, deadlineMs: 50 })
  const failure = take('mug').catch((error) => error)
  const stopped = queue.stop()
  await time.advance(50)
  expect(await failure).toMatchObject({ outcome: 'not-applied' })
  await stopped
  late.resolve(await open())
  await settle()
  expect(store.closed).toEqual([false])
  expect(store.sent).toEqual([])
})
