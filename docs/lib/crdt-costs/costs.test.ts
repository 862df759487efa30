import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { renewed, tableOf } from '../generated.ts'
import { costRows, costs } from './costs.ts'

test('the README of crdt tells what its types cost (else: node --conditions=@quorate/source docs/lib/crdt-costs/write.ts)', () => {
  const text = readFileSync(new URL('../../../packages/crdt/README.md', import.meta.url), 'utf8')
  expect(text).toBe(renewed(text, 'costs', tableOf(costRows())))
})

test('what sets and maps hold no more costs nothing, but where the type must remember it', () => {
  const emptied = new Map(costs().map((cost) => [cost.type, cost.emptied]))
  for (const type of ['OR-Set', 'LWW-Map', 'OR-Map of counters', 'cart']) {
    expect(emptied.get(type), type).toBeLessThanOrEqual(32)
  }
  expect(emptied.get('2P-Set')).toBeGreaterThan(1_000)
})
