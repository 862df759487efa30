import { expect, test } from 'vitest'
import { emit } from './events.ts'

test('emit() builds the event only if someone listens', () => {
  let built = 0
  const build = (): number => ++built
  emit(undefined, build)
  expect(built).toBe(0)
  const seen: number[] = []
  emit((event: number) => seen.push(event), build)
  expect(seen).toEqual([1])
})

test('emit() swallows what the observer throws, and what building the event throws', () => {
  const fail = (): never => {
    throw new Error('observer broke')
  }
  expect(() => emit(fail, () => 1)).not.toThrow()
  expect(() => emit(() => {}, fail)).not.toThrow()
})

test('emit() swallows the rejection of an asynchronous observer', async () => {
  const rejected = Promise.reject(new Error('observer broke'))
  const observer = (): unknown => rejected
  emit(observer, () => 1)
  // The run fails on an unhandled rejection, which would be reported by the end of this turn.
  await new Promise((resolve) => setImmediate(resolve))
  await expect(rejected).rejects.toThrow('observer broke')
})
