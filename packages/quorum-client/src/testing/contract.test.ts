import { expect, test } from 'vitest'
import { memoryReplica } from '../memory/index.ts'
import type { QuorumReplica } from '../replica.ts'
import { quorumReplicaContract } from './index.ts'

/** Names of the cases that a wrong replica breaks. */
async function broken(
  change: (replica: QuorumReplica<unknown>) => Partial<QuorumReplica<unknown>>,
): Promise<string[]> {
  const cases = quorumReplicaContract(() => {
    const replica = memoryReplica<unknown>({ id: 'm' })
    return { ...replica, ...change(replica) }
  })
  const results = await Promise.allSettled(cases.map(({ run }) => run()))
  return results.flatMap((result, index) => (result.status === 'rejected' ? [cases[index]?.name ?? ''] : []))
}

test('the contract catches a replica that stores whatever comes', async () => {
  const names = await broken(() => {
    const values = new Map<string, { tag: string; value: unknown }>()
    return {
      get: async (key) => values.get(key),
      putIfNewer: async (key, record) => values.set(key, record) !== undefined,
    }
  })
  expect(names).toContain('putIfNewer() leaves a newer record')
  expect(names).toContain('putIfNewer() with an equal tag changes nothing, and is true: the record is there')
})

test('the contract catches a replica that compares and stores in two steps', async () => {
  const names = await broken((replica) => {
    const values = new Map<string, { tag: string; value: unknown }>()
    return {
      get: async (key) => values.get(key),
      putIfNewer: async (key, record) => {
        const old = values.get(key)
        await replica.get(key)
        if (old !== undefined && old.tag >= record.tag) return false
        values.set(key, record)
        return true
      },
    }
  })
  expect(names).toContain('of puts at once the greatest tag stays, whatever the order')
})

test('the contract catches a replica that takes the case of keys for the same, and one that lies', async () => {
  expect(
    await broken((replica) => ({
      get: (key) => replica.get(key.toLowerCase()),
      putIfNewer: (key, record) => replica.putIfNewer(key.toLowerCase(), record),
    })),
  ).toContain('keys do not touch each other')
  expect(await broken(() => ({ putIfNewer: async () => true }))).toContain(
    'putIfNewer() stores into an empty place',
  )
})
