import { VirtualClock } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Template } from './template.ts'

const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('set' as const), value: fc.integer() }),
    fc.record({ type: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 50 }) }),
  ),
)

test('get() is the last value set less than ttlMs ago, whatever the order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 100 }), steps, async (ttlMs, actions) => {
      const clock = new VirtualClock()
      const template = new Template<number>({ ttlMs, clock })
      let [nowMs, last] = [0, undefined as { value: number; atMs: number } | undefined]
      for (const action of actions) {
        if (action.type === 'set') {
          template.set(action.value)
          last = { value: action.value, atMs: nowMs }
        } else {
          await clock.advance(action.ms)
          nowMs += action.ms
        }
        expect(template.get()).toBe(last !== undefined && nowMs - last.atMs < ttlMs ? last.value : undefined)
      }
    }),
  )
})
