import { expect, test } from 'vitest'
import { createLocks } from '../locks.ts'
import { lockStoreContract } from '../testing/index.ts'
import { memoryLockStore } from './index.ts'

const store = memoryLockStore()

for (const { title, run } of lockStoreContract({ stores: () => [store, store], fifo: true })) {
  test(`memory: ${title}`, async () => {
    await expect(run()).resolves.toBeUndefined()
  })
}

test('memory: a release in the turn in which a wait begins wakes the one who waits', async () => {
  const locks = createLocks({ store: memoryLockStore() })
  const lock = await locks.acquire('turn', { ttlMs: 10_000 })
  const next = locks.acquire('turn', { ttlMs: 10_000, waitMs: 200 })
  await Promise.all([lock.release(), expect(next).resolves.toMatchObject({ key: 'turn' })])
})
