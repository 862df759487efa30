import { expect, test } from 'vitest'
import { instances } from './instances.ts'

const URLS = ['http://127.0.0.1:1', 'http://127.0.0.1:2', 'http://127.0.0.1:3']
const users = Array.from({ length: 300 }, (_, index) => `user-${index}`)

test('for() gives a user the same copy on every gateway, whatever the order of the copies', () => {
  const here = instances('cart', URLS)
  const there = instances('cart', URLS.toReversed())
  for (const user of users) expect(here.for(user).url).toBe(there.for(user).url)
  expect(new Set(users.map((user) => here.for(user).url)).size).toBe(3)
})

test('for() moves only the users of a copy that is gone', () => {
  const before = instances('cart', URLS)
  const after = instances('cart', URLS.slice(0, 2))
  const moved = users.filter((user) => before.for(user).url !== after.for(user).url)
  expect(moved.every((user) => before.for(user).url === URLS[2])).toBe(true)
})
