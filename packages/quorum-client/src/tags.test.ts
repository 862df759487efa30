import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { compareTags, isWrittenTag, Tagger } from './tags.ts'

test('tags of one writer rise, also when its wall clock steps back', () => {
  const clock = new VirtualClock()
  const tagger = new Tagger('w', clock)
  const tags = [0, 5, -60_000, 0, 1].map((ms) => {
    clock.jumpWall(ms)
    return tagger.next()
  })
  expect(tags).toEqual(tags.toSorted())
  expect(new Set(tags).size).toBe(tags.length)
})

test('a writer that starts anew with the same clock and name and a greater tag seen goes above it', () => {
  const clock = new VirtualClock()
  const first = new Tagger('w', clock).next()
  const again = new Tagger('w', clock)
  again.saw(first)
  expect(again.next() > first).toBe(true)
})

test('next(above) is greater than a tag of the far future, and leaves the clock where it is', () => {
  const clock = new VirtualClock()
  const tagger = new Tagger('w', clock)
  const future = 'fffffffffff0-ffff-rogue'
  tagger.saw(future)
  const above = tagger.next(future)
  expect(above > future).toBe(true)
  expect(tagger.next() < future).toBe(true)
  expect(tagger.next(future)).not.toBe(tagger.next(future))
})

test('tags that were read push this writer above them, within the drift allowed', () => {
  const clock = new VirtualClock()
  const ahead = new Tagger('ahead', clock)
  clock.jumpWall(300)
  const theirs = ahead.next()
  clock.jumpWall(-300)
  const tagger = new Tagger('w', clock)
  expect(tagger.next() < theirs).toBe(true)
  tagger.saw(theirs)
  expect(tagger.next() > theirs).toBe(true)
})

test('compareTags() puts undefined before everything, and numbers by size', () => {
  expect(compareTags(undefined, undefined)).toBe(0)
  expect(compareTags(undefined, 0)).toBe(-1)
  expect(compareTags(10, 9)).toBe(1)
  expect(compareTags('a', 'b')).toBe(-1)
})

test('isWrittenTag() knows tags of writes from others', () => {
  expect(isWrittenTag(new Tagger('eu-1', new VirtualClock()).next())).toBe(true)
  for (const tag of [7, '', 'x', '018cc251f400-0000-', '018CC251F400-0000-a', '018cc251f400-0000-é']) {
    expect(isWrittenTag(tag)).toBe(false)
  }
})

test('a writer with characters that stores order differently is refused', () => {
  for (const writer of ['', 'é', 'a b', 'a'.repeat(65)]) {
    expect(() => new Tagger(writer, new VirtualClock())).toThrow(RangeError)
  }
})
