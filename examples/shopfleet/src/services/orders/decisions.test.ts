import { expect, test } from 'vitest'
import { decisions } from './decisions.ts'

test('announce() wakes everybody who waits for the order, and nobody else', async () => {
  const { announce, next } = decisions()
  let other = false
  const waiting = [next('a', 60_000), next('a', 60_000)]
  const elsewhere = next('b', 60_000).then(() => {
    other = true
  })
  announce('a')
  expect(await Promise.all(waiting)).toEqual([true, true])
  expect(other).toBe(false)
  announce('b')
  await elsewhere
})

test('next() gives up after its time', async () => {
  const { next } = decisions()
  await expect(next('a', 5)).resolves.toBe(false)
})
