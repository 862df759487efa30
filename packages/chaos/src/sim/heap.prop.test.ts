import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventHeap, type Timed } from './heap.ts'

test('pop() gives what a sorted list would, whatever is pushed in between', () => {
  const steps = fc.array(fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined, freq: 2 }), {
    maxLength: 200,
    size: 'max',
  })
  fc.assert(
    fc.property(steps, (script) => {
      const heap = new EventHeap<Timed>()
      let same = true
      let list: Timed[] = []
      for (const [seq, atUs] of script.entries()) {
        if (atUs === undefined) {
          const [first, ...rest] = list.toSorted((a, b) => a.atUs - b.atUs || a.seq - b.seq)
          same &&= heap.pop() === first
          list = rest
        } else {
          const event = { atUs, seq }
          heap.push(event)
          list.push(event)
        }
        same &&= heap.size === list.length
      }
      expect(same).toBe(true)
    }),
  )
})
