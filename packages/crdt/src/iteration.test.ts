import { expect, test } from 'vitest'
import { createLwwMap, createOrSet, createRwSet } from './index.ts'

// As in a native Set or Map: what is there already stays in its place, and is not met again.
test('elements and keys may be put in again while one goes through them', () => {
  const tags = createOrSet({ replica: 'a' })
  const admins = createRwSet({ replica: 'a' })
  const stock = createLwwMap<number>({ replica: 'a' })
  for (const key of ['x', 'y', 'z']) {
    tags.add(key)
    admins.add(key)
    stock.set(key, 1)
  }
  let steps = 0
  const step = (): void => {
    if (++steps > 100) throw new Error('no end')
  }
  for (const tag of tags) {
    step()
    tags.add(tag)
  }
  for (const admin of admins) {
    step()
    admins.add(admin)
  }
  for (const [key, count] of stock) {
    step()
    stock.set(key, count + 1)
  }
  expect(steps).toBe(9)
  expect(stock.value).toEqual(
    new Map([
      ['x', 2],
      ['y', 2],
      ['z', 2],
    ]),
  )
})

test('what one goes through may be removed on the way', () => {
  const tags = createOrSet({ replica: 'a' })
  for (const tag of ['x', 'y', 'z']) tags.add(tag)
  const met: string[] = []
  for (const tag of tags) {
    met.push(tag)
    tags.clear()
  }
  expect([met, tags.size]).toEqual([['x'], 0])
})
