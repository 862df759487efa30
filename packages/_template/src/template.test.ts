import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { Template, type TemplateEvent } from './template.ts'

test('get() returns nothing before the first set()', () => {
  expect(new Template({ ttlMs: 10 }).get()).toBe(undefined)
})

test('get() returns the value until its time to live is over, and reports its age once', async () => {
  const clock = new VirtualClock()
  const events: TemplateEvent[] = []
  const template = new Template<string>({ ttlMs: 100, clock, onEvent: (event) => events.push(event) })
  template.set('a')
  await clock.advance(99)
  expect(template.get()).toBe('a')
  await clock.advance(1)
  expect(template.get()).toBe(undefined)
  expect(template.get()).toBe(undefined)
  expect(events).toEqual([{ type: 'expired', ageMs: 100 }])
})

test.each([0, -1, Number.NaN])('the constructor rejects a ttlMs of %s', (ttlMs) => {
  expect(() => new Template({ ttlMs })).toThrow(RangeError)
})
