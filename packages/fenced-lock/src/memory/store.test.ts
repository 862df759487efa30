import { expect, test } from 'vitest'
import { lockStoreContract } from '../testing/index.ts'
import { memoryLockStore } from './index.ts'

const store = memoryLockStore()

for (const { title, run } of lockStoreContract({ stores: () => [store, store], fifo: true })) {
  test(`memory: ${title}`, async () => {
    await expect(run()).resolves.toBeUndefined()
  })
}
