import { expect, test } from 'vitest'
import { documentStoreContract } from '../testing/index.ts'
import { memoryBackend, memoryStore } from './index.ts'

for (const mode of ['replace', 'append'] as const) {
  const backend = memoryBackend()
  const cases = documentStoreContract({
    stores: (options) => [
      memoryStore({ ...options, backend, mode }),
      memoryStore({ ...options, backend, mode }),
    ],
    run: mode,
  })
  for (const { title, run } of cases) {
    test(`memory, ${mode}: ${title}`, async () => {
      await expect(run()).resolves.toBeUndefined()
    })
  }
}
