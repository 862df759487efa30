import { expect, test } from 'vitest'
import { rendezvous } from './index.ts'
test('rendezvous() gives weight 2 of 5 nodes a third of the keys', () => {
  const nodes = rendezvous(
    ['a', 'b', 'c', 'd'].map((id) => ({ id })).concat([{ id: 'e', weight: 2 } as { id: string }]),
  )
  let e = 0
  for (let i = 0; i < 60_000; i++) if (nodes.pick(`user-${i}`)?.id === 'e') e++
  expect(e / 60_000).toBeCloseTo(1 / 3, 2)
})
