import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { sagaStoreContract } from '../testing/index.ts'
import { memorySagaStore } from './index.ts'

test.each(sagaStoreContract)('memorySagaStore(): $name', async ({ run }) => {
  await expect(run(async () => memorySagaStore({ clock: new VirtualClock() }))).resolves.toBeUndefined()
})
