import { expect, test } from 'vitest'
import { adjustAllRows } from './adjust.ts'
import { selectRows } from './lists.ts'
import { quoteIdentifier, type Shape } from './names.ts'

const shape: Shape = {
  label: 'stock',
  table: '"stock"',
  key: ['sku', 'warehouse'],
  version: 'version',
  column: quoteIdentifier,
}

test('a list keeps its values apart, whatever is in them', () => {
  const texts = ['', ' ', 'NULL', 'a,b', '}', '"', '\\', '\\"', "'"]
  const keys = texts.map((sku, warehouse) => ({ sku, warehouse }))
  const [skus, warehouses] = selectRows(shape, keys).values
  expect(skus).toBe(String.raw`{""," ","NULL","a,b","}","\"","\\","\\\"","'"}`)
  expect(warehouses).toBe('{"0","1","2","3","4","5","6","7","8"}')
})

test('what may be an array, or is for the driver to spell, goes as it is, with its whole row', () => {
  const tagged: Shape = { ...shape, key: ['id', 'tags'] }
  const lone = (tags: unknown): readonly unknown[] =>
    selectRows(tagged, [
      { id: 1, tags },
      { id: 2, tags: 'a' },
    ]).values
  for (const tags of [['a'], [], '{a}', '[0:1]={a,b}', ' \n{a}', '{', { a: 1 }])
    expect(lone(tags), JSON.stringify(tags)).toEqual([1, tags, 2, 'a'])
  for (const tags of ['a{', '', '(1,2)', '"{a}"', 7, new Uint8Array([1]), new Date(0), false])
    expect(lone(tags)[0], String(tags)).toBe('{"1","2"}')
})

test('amounts of rows whose keys may be arrays go as text, and none as NULL', () => {
  const items = [
    { key: { sku: ['a'], warehouse: 1 }, deltas: { units: -1n } },
    { key: { sku: ['b'], warehouse: 1 }, deltas: { more: 0.5 } },
  ]
  expect(adjustAllRows(shape, items, {}).values.slice(-8)).toEqual([
    ['a'],
    1,
    '-1',
    null,
    ['b'],
    1,
    null,
    '0.5',
  ])
})

test('the text depends on the columns alone, and the planner is told how many rows there are', () => {
  const [one, many] = [1, 1_000].map((count) =>
    selectRows(
      shape,
      Array.from({ length: count }, () => ({ sku: 'mug', warehouse: 1 })),
    ),
  )
  expect(one?.text).toBe(many?.text)
  expect(one?.text).toContain('unnest($3::int[], ')
  expect(one?.values[2]).toBe('{1}')
})

test('a list spells a time by the clock of this process, as pg does: a day must not become the day before', () => {
  /** Midnight in Tokyo, wherever the test runs. */
  class Tokyo extends Date {
    readonly #there = new Date(this.getTime() + 9 * 3_600_000)
    override getTimezoneOffset = (): number => -540
    override getFullYear = (): number => this.#there.getUTCFullYear()
    override getMonth = (): number => this.#there.getUTCMonth()
    override getDate = (): number => this.#there.getUTCDate()
    override getHours = (): number => this.#there.getUTCHours()
    override getMinutes = (): number => this.#there.getUTCMinutes()
  }
  const night: Shape = { ...shape, key: ['room', 'night'] }
  const key = { room: 7n, night: new Tokyo('2026-03-01T15:00:00.040Z') }
  expect(selectRows(night, [key]).values.slice(0, 2)).toEqual(['{"7"}', '{"2026-03-02T00:00:00.040+09:00"}'])
})

test('a list spells bytes as bytea reads them', () => {
  const { values } = selectRows({ ...shape, key: ['id'] }, [{ id: Buffer.from([0, 1, 254]) }])
  expect(values[0]).toEqual('{"\\\\x0001fe"}')
})
