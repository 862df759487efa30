import { expect, test } from 'vitest'
import { parseSearch } from './search.ts'

test('parseSearch() reads metadata and status clauses', () => {
  expect(parseSearch(`metadata['order_id']:'A-1' AND status:"succeeded"`)).toEqual([
    { field: 'metadata', key: 'order_id', value: 'A-1' },
    { field: 'status', value: 'succeeded' },
  ])
})

test.each([
  [''],
  ['amount>100'],
  [`metadata['a']:'x' OR status:'y'`],
  [`metadata['a]:'x'`],
  [`status:'a' AND `],
])('parseSearch() refuses %j', (query) => {
  expect(parseSearch(query)).toBeUndefined()
})
