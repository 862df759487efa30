import { VirtualClock } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeStore, over, settle } from './fake-store.test-helper.ts'

test('whatever a store answers and whenever callers leave: every request has one answer, and grants are what the store took', async () => {
  const call = fc.record({
    sku: fc.constantFrom('a', 'a', 'b', 'c'),
    amount: fc.integer({ min: 1, max: 4 }),
    leaves: fc.option(fc.constantFrom('at once', 'later'), { nil: undefined, freq: 5 }),
  })
  const verdict = fc.constantFrom('ok', 'ok', 'ok', 'retry', 'yield', 'split', 'fail', 'unknown', 'lost') // lost: applied, then unknown
  // In half of the plays it only sends batches back, as that is where they can lose their order.
  const putsBack = fc.constantFrom('ok', 'retry', 'split', 'split')
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { maxLength: 25, size: 'max' }),
      fc.oneof(
        fc.array(verdict, { maxLength: 12, size: 'max' }),
        fc.array(putsBack, { maxLength: 12, size: 'max' }),
      ),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 3 }),
      fc.scheduler(),
      async (calls, verdicts, maxBatch, concurrency, scheduler) => {
        const store = new FakeStore({ a: 10, b: 3 })
        const failing = [...verdicts]
        const inner = store.open
        store.open = async () => {
          const session = await inner()
          return {
            close: (isBroken) => session.close(isBroken),
            apply: async (items) => {
              await scheduler.schedule(Promise.resolve(), 'statement')
              const next = failing.shift() ?? 'ok'
              const cause = new Error(next)
              if (next === 'retry' || next === 'yield' || next === 'split' || next === 'fail')
                return { type: 'not-applied', next, cause }
              if (next === 'unknown') return { type: 'unknown', cause }
              const answer = await session.apply(items)
              return next === 'lost' ? { type: 'unknown', cause } : answer
            },
          }
        }
        const time = new VirtualClock(0, { onStuck: () => {} })
        const { take, queue } = over(store, { clock: time, maxBatch, concurrency, deadlineMs: 1e9 })
        const answers = calls.map(({ sku, amount, leaves }) => {
          const stop = new AbortController()
          const answer = take(sku, amount, { signal: stop.signal }).catch((error) => ({ error }))
          if (leaves === 'at once') stop.abort(new Error('left'))
          if (leaves === 'later')
            void scheduler.schedule(Promise.resolve(), 'leave').then(() => stop.abort(new Error('left')))
          return answer
        })
        const stopped = queue.stop()
        const ended = new AbortController()
        void Promise.all([...answers, stopped]).then(() => ended.abort())
        for (let round = 0; round < 500 && !ended.signal.aborted; round++) {
          await scheduler.waitIdle()
          await time.advance(1_000)
          await settle()
        }
        expect(ended.signal.aborted).toBe(true)
        for (const [sku, stock] of [
          ['a', 10],
          ['b', 3],
        ] as const) {
          let granted = 0
          let unknown = 0
          for (const [index, { sku: asked, amount }] of calls.entries()) {
            const answer = await answers[index]
            if (asked !== sku || answer === undefined) continue
            if (!('error' in answer)) granted += amount
            else if (answer.error.code === 'QUORATE_WRITE_UNKNOWN') unknown += amount
          }
          const taken = stock - (store.units.get(sku) ?? 0)
          expect(taken).toBeGreaterThanOrEqual(granted)
          expect(taken).toBeLessThanOrEqual(Math.min(stock, granted + unknown))
        }
        // One keeps its turn: of one row's grants, later ones left less.
        const lefts = (await Promise.all(answers)).flatMap((answer, index) =>
          answer !== undefined && 'left' in answer && calls[index]?.sku === 'a' ? [answer.left] : [],
        )
        expect(lefts).toEqual(lefts.toSorted((a, b) => b - a))
      },
    ),
    { numRuns: 1_000 },
  )
})
