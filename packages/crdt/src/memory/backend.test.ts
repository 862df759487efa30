import { expect, test } from 'vitest'
import { memoryBackend } from './index.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const change = { mode: 'append', base: undefined, ttlMs: undefined } as const

test('an append that comes twice has two places in the history: nothing between them is skipped', async () => {
  const backend = memoryBackend()
  const first = await backend.commit('k', { ...change, tag: 'a', bytes: bytes(1) })
  const base = first.stored?.position
  const again = { ...change, base, tag: 'b', bytes: bytes(2) }
  const second = await backend.commit('k', again)
  await backend.commit('k', { ...change, base, tag: 'c', bytes: bytes(3) })
  await backend.commit('k', again)
  const news = await backend.read('k', second.stored?.position, { isDurable: true })
  expect(news).toMatchObject({ isWhole: false, parts: [bytes(3), bytes(2)] })
})
