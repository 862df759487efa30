import { expect, test } from 'vitest'
import { quorumReplicaContract } from '../testing/index.ts'
import { memoryReplica } from './index.ts'

test.each(quorumReplicaContract(() => memoryReplica({ id: 'm' })))(
  'contract, in memory: $name',
  async ({ run }) => {
    await expect(run()).resolves.toBe(undefined)
  },
)
