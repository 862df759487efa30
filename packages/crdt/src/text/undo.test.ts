import { expect, test } from 'vitest'
import { createText } from './index.ts'

test('undo and redo go on when so much came back that the oldest of it is forgotten', () => {
  const text = createText({ replica: 'a' })
  const other = createText({ replica: 'b' })
  text.insert(0, 'x'.repeat(200))
  other.merge(text)
  // Each character comes back by itself: 399 each time, of which 10,000 are kept.
  for (let i = 0; i < 199; i++) other.insert(i * 2 + 1, 'y')
  text.merge(other)
  const whole = 'xy'.repeat(199) + 'x'
  expect(text.toString()).toBe(whole)
  text.stopGroup()
  text.delete(0, text.length)
  for (let round = 0; round < 60; round++) {
    text.undo()
    expect(text.toString()).toBe(whole)
    text.redo()
    expect(text.toString()).toBe('')
  }
})
