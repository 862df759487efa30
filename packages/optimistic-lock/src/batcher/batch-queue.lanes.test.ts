// Rows that hold others up: locked ones, and two spellings of one.
import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { FakeStore, never, over, settle } from './fake-store.test-helper.ts'
import { fold } from './plan.ts'

test('a row that somebody else has is tried again by itself, while the others go on', async () => {
  const store = new FakeStore({ mug: 5, lamp: 5, pen: 5 })
  let isLocked = true
  store.before = (items) =>
    Promise.resolve(
      isLocked && items.some(({ key }) => key['sku'] === 'mug')
        ? { type: 'not-applied', next: 'yield', cause: new Error('lock_timeout') }
        : undefined,
    )
  const time = new VirtualClock()
  const { take } = over(store, { clock: time })
  const mug = take('mug')
  const others = Promise.all([take('lamp'), take('pen')])
  await time.advance(5)
  expect(await others).toEqual([{ left: 4 }, { left: 4 }])
  expect(store.sent.slice(1).every((items) => items.length === 1)).toBe(true)
  // Those who come now share a statement, and do not wait while the mug does.
  const sent = store.sent.length
  expect(await Promise.all([take('lamp'), take('pen')])).toEqual([{ left: 3 }, { left: 3 }])
  expect(store.sent.slice(sent).map((items) => items.length)).toEqual([2])
  isLocked = false
  await time.advance(1_000)
  expect(await mug).toEqual({ left: 4 })
  await Promise.all([take('mug'), take('lamp')])
  expect(store.sent.at(-1)).toHaveLength(2)
})

test('a statement that nobody waits for any longer is the last one that its rows share with others', async () => {
  const store = new FakeStore({ mug: 5, lamp: 5 })
  store.before = (items) =>
    items.some(({ key }) => key['sku'] === 'mug') ? never : Promise.resolve(undefined)
  const time = new VirtualClock()
  const { take, queue } = over(store, { clock: time, deadlineMs: 100 })
  const hung = Promise.allSettled([take('mug'), take('lamp')])
  await settle()
  await time.advance(100)
  expect((await hung).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const again = take('mug').catch((error) => error)
  expect(await take('lamp')).toEqual({ left: 4 })
  await time.advance(100)
  expect(await again).toMatchObject({ outcome: 'unknown' })
  await queue.stop()
})

test('a row that is asked for without end does not keep its twin waiting', async () => {
  const store = new FakeStore({})
  let units = 1_000
  let isAsking = true
  const { take } = over(store, { concurrency: 1 })
  store.before = (items) => {
    if (isAsking && store.sent.length < 50) void take('A')
    return Promise.resolve({
      type: 'applied',
      items: items.map(({ deltas }, index) => {
        if (index > 0) return { type: 'twin' }
        const before = units
        units = fold(units, deltas, 0).after
        return { type: 'applied', before }
      }),
    })
  }
  void take('A')
  const twin = take('a').then((grant) => {
    isAsking = false
    return grant
  })
  await Promise.race([twin, settle().then(settle)])
  isAsking = false
  expect(store.sent.length).toBeLessThan(10)
  expect(await twin).toMatchObject({ left: expect.any(Number) })
})

test('two spellings of one row take turns, and none is granted what nobody took', async () => {
  const store = new FakeStore({})
  let units = 3
  store.before = (items) =>
    Promise.resolve({
      type: 'applied',
      items: items.map(({ deltas }, index) => {
        if (index > 0) return { type: 'twin' }
        const before = units
        units = fold(units, deltas, 0).after
        return { type: 'applied', before }
      }),
    })
  const { take } = over(store)
  const answers = await Promise.all([take('A', 1), take('a', 1), take('A', 1), take('a', 1)])
  expect(answers.filter((grant) => grant !== undefined)).toHaveLength(3)
  expect(units).toBe(0)
})
