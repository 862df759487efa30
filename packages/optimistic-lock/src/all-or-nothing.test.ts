import { expect, test } from 'vitest'
import type { ItemColumns } from './adjust.ts'
import { adjustAll, judge } from './all-or-nothing.ts'
import { quoteIdentifier, type Shape } from './names.ts'
import type { Statement } from './statements.ts'

const shape: Shape = {
  label: 'stock',
  table: '"stock"',
  key: ['sku'],
  version: 'version',
  column: quoteIdentifier,
}
const keys = ['a', 'b', 'c'].map((sku) => ({ sku }))
const [a, b, c] = keys
const answer = (items: string, state: 'done' | 'enough' | 'short', columns: object = {}): ItemColumns => ({
  quorateitems: items,
  quoratedone: state === 'done',
  quorateenough: state !== 'short',
  ...columns,
})

test('rows that were changed are told in the order of the items, each once, without our columns', () => {
  const found = [answer('1', 'done', { sku: 'b', units: 2 }), answer('2,0', 'done', { sku: 'a', units: 1 })]
  expect(judge(found, keys)).toEqual({
    granted: true,
    rows: [
      { sku: 'a', units: 1 },
      { sku: 'b', units: 2 },
    ],
  })
})

test('who is short is named with its row, who is not there without one, and who has enough is not', () => {
  const found = [answer('0', 'enough', { sku: 'a' }), answer('1', 'short', { sku: 'b', units: 0 })]
  expect(judge(found, keys)).toEqual({
    granted: false,
    short: [
      { key: b, row: { sku: 'b', units: 0 } },
      { key: c, row: undefined },
    ],
  })
})

test('if one is not there, those that have enough are not to blame, as they are when a trigger refused', () => {
  const enough = [answer('0', 'enough', { sku: 'a' }), answer('1', 'enough', { sku: 'b' })]
  expect(judge(enough, keys)).toEqual({ granted: false, short: [{ key: c, row: undefined }] })
  expect(judge(enough, keys.slice(0, 2))).toEqual({
    granted: false,
    short: [
      { key: a, row: { sku: 'a' } },
      { key: b, row: { sku: 'b' } },
    ],
  })
})

test('a row, or a key without one, is named once, whoever asked for it', () => {
  const twice = [
    { sku: 'b' },
    { sku: 'no', place: 1n },
    { sku: 'B' },
    { sku: 'no', place: 1n },
    { sku: 'no', place: 2n },
  ]
  expect(judge([answer('0,2', 'short', { sku: 'b' })], twice)).toEqual({
    granted: false,
    short: [
      { key: { sku: 'b' }, row: { sku: 'b' } },
      { key: { sku: 'no', place: 1n }, row: undefined },
      { key: { sku: 'no', place: 2n }, row: undefined },
    ],
  })
})

test('keys that are not there are one only if they are spelled alike: lists, bytes and objects too', () => {
  const values = [
    1,
    '1',
    ['a,b'],
    ['a', 'b'],
    'a,b',
    [1n],
    Buffer.from([254]),
    Buffer.from([255]),
    { a: 1 },
    { a: 2 },
  ]
  const verdict = judge(
    [],
    [...values, ...values].map((sku) => ({ sku })),
  )
  const [first, , ...rest] = values
  expect(verdict).toEqual({
    granted: false,
    short: [first, ...rest].map((sku) => ({ key: { sku }, row: undefined })),
  })
})

test('a single item is the plain statement, and judged on the locked row only if that refuses it', async () => {
  const item = { key: { sku: 'a' }, deltas: { units: -1 } }
  const sent: string[] = []
  const writing =
    (rows: readonly (readonly unknown[])[]) =>
    <R>({ text }: Statement): Promise<{ rows: readonly R[] }> => {
      const index = sent.push(text.slice(0, 6)) - 1
      return Promise.resolve({ rows: (rows[index] ?? []) as R[] })
    }
  const granted = await adjustAll('adjustAllIf', shape, [item], {}, writing([[{ sku: 'a', units: 4 }]]))
  expect(granted).toEqual({ granted: true, rows: [{ sku: 'a', units: 4 }] })
  expect(sent.splice(0)).toEqual(['UPDATE'])
  const short = [[], [answer('0', 'short', { sku: 'a', units: 0 })]]
  expect(await adjustAll('adjustAllIf', shape, [item], {}, writing(short))).toEqual({
    granted: false,
    short: [{ key: { sku: 'a' }, row: { sku: 'a', units: 0 } }],
  })
  expect(sent.splice(0)).toEqual(['UPDATE', 'WITH w'])
  // Restocked between the two.
  const late = [[], [answer('0', 'done', { sku: 'a', units: 9 })]]
  expect(await adjustAll('adjustAllIf', shape, [item], {}, writing(late))).toMatchObject({ granted: true })
  expect(await adjustAll('adjustAllIf', shape, [], {}, writing([]))).toEqual({ granted: true, rows: [] })
  expect(sent).toHaveLength(2)
})
