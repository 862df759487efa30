// What becomes of requests whose statement, or connection, failed.
import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import type { BatcherEvent } from './events.ts'
import { FakeStore, over, settle } from './fake-store.test-helper.ts'

test('a statement that was not applied is repeated, in the order of its requests', async () => {
  const store = new FakeStore({ mug: 3 })
  let failures = 2
  store.before = () =>
    Promise.resolve(
      failures-- > 0 ? { type: 'not-applied', next: 'retry', cause: new Error('deadlock') } : undefined,
    )
  const time = new VirtualClock()
  const events: BatcherEvent[] = []
  const { take } = over(store, { clock: time, onEvent: (event) => events.push(event) })
  const answers = Promise.all([take('mug', 2), take('mug', 2), take('mug', 1)])
  await time.advance(100)
  expect(await answers).toEqual([{ left: 1 }, undefined, { left: 0 }])
  expect(events.map((event) => event.type)).toEqual(['batch-failed', 'batch-failed', 'batch'])
  expect(events[2]).toMatchObject({ keys: 1, requests: 3, granted: 2 })
})

test('a statement whose answer is lost is not repeated: unknown for each of its callers, and nobody else', async () => {
  const store = new FakeStore({ mug: 3 })
  const lost = new Error('connection terminated')
  store.before = () => Promise.resolve({ type: 'unknown', cause: lost })
  const { take } = over(store)
  const answers = await Promise.allSettled([take('mug'), take('mug')])
  for (const answer of answers) {
    expect(answer).toMatchObject({
      reason: { code: 'QUORATE_WRITE_UNKNOWN', outcome: 'unknown', cause: lost },
    })
  }
  expect(store.sent).toHaveLength(1)
  expect(store.closed).toEqual([true])
  store.before = () => Promise.reject(lost) // a store that throws says as little
  await expect(take('mug')).rejects.toMatchObject({ outcome: 'unknown' })
  store.before = () => Promise.resolve(undefined)
  expect(await take('mug')).toEqual({ left: 2 })
})

test('one request that the server refuses fails alone, and order is kept', async () => {
  const store = new FakeStore({ mug: 10 })
  const cause = new Error('out of range')
  store.before = (items) =>
    Promise.resolve(
      items.some(({ deltas }) => deltas.includes(-666))
        ? { type: 'not-applied', next: 'split', cause }
        : undefined,
    )
  const { take } = over(store)
  const amounts = [1, 2, 666, 3, 4, 1]
  const answers = await Promise.allSettled(amounts.map((amount) => take('mug', amount)))
  expect(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value?.left : answer.reason)),
  ).toEqual([9, 7, cause, 4, 0, undefined])
})

test('a failure that no request is to blame for fails all of them once', async () => {
  const store = new FakeStore({ mug: 10 })
  const cause = new Error('relation does not exist')
  store.before = () => Promise.resolve({ type: 'not-applied', next: 'fail', cause })
  const { take } = over(store)
  const answers = await Promise.allSettled([take('mug'), take('mug')])
  expect(answers).toEqual([
    { status: 'rejected', reason: cause },
    { status: 'rejected', reason: cause },
  ])
  expect(store.sent).toHaveLength(1)
})

test('if the connection breaks in the middle of a split, what was not sent is sent on another one', async () => {
  const store = new FakeStore({ mug: 10 })
  let statement = 0
  store.before = () => {
    statement++
    if (statement === 1)
      return Promise.resolve({ type: 'not-applied', next: 'split', cause: new Error('one of them') })
    return Promise.resolve(statement === 2 ? { type: 'unknown', cause: new Error('lost') } : undefined)
  }
  const { take } = over(store)
  const [first, second] = await Promise.allSettled([take('mug'), take('mug')])
  expect(first).toMatchObject({ reason: { outcome: 'unknown' } })
  expect(second).toEqual({ status: 'fulfilled', value: { left: 9 } })
  await settle()
  expect(store.closed).toEqual([true, false])
})

test('without a connection requests wait, and are told at their deadline that nothing was applied', async () => {
  const store = new FakeStore({ mug: 10 })
  const refused = new Error('ECONNREFUSED')
  const open = store.open
  store.open = () => Promise.reject(refused)
  const time = new VirtualClock()
  const { take } = over(store, { clock: time, deadlineMs: 500 })
  const failure = take('mug').catch((error) => error)
  const patient = take('mug', 1, { deadlineMs: 60_000 })
  await time.advance(500)
  expect(await failure).toMatchObject({
    code: 'QUORATE_BATCH_TIMEOUT',
    outcome: 'not-applied',
    cause: refused,
  })
  store.open = open
  await time.advance(5_000)
  expect(await patient).toEqual({ left: 9 })
})

test('those who are put back after a batch was split keep their order', async () => {
  const store = new FakeStore({ mug: 10 })
  const verdicts = ['split', 'retry'] as const
  let sent = 0
  store.before = () => {
    const next = verdicts[sent++]
    return Promise.resolve(next && { type: 'not-applied', next, cause: new Error(next) })
  }
  const time = new VirtualClock()
  const { take } = over(store, { clock: time })
  const answers = [take('mug', 1), take('mug', 2), take('mug', 3)]
  await settle()
  await time.advance(1_000)
  expect((await Promise.all(answers)).map((grant) => grant?.left)).toEqual([9, 7, 4])
})
