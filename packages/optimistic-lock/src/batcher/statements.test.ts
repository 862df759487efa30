import { expect, test } from 'vitest'
import { quoteIdentifier } from '../names.ts'
import { CounterStatements } from './statements.ts'

const statementsOf = (key: readonly string[]): CounterStatements =>
  new CounterStatements({
    label: 'stock',
    table: '"stock"',
    key,
    counter: 'units',
    version: undefined,
    min: 0,
    column: quoteIdentifier,
  })
const item = (...deltas: number[]) => ({ key: { sku: 'mug', warehouse: 1 }, deltas })

test('rows are locked in one order, in whichever order the columns of the key are named', () => {
  const orders = [
    ['sku', 'warehouse'],
    ['warehouse', 'sku'],
  ].map((key) => /ORDER BY (.*) FOR UPDATE/.exec(statementsOf(key).foldRows([item(-1), item(-1)]).text)?.[1])
  expect(orders).toEqual(['t."sku", t."warehouse"', 't."sku", t."warehouse"'])
})

test('texts are few, whatever the number of rows and requests, so that a server can prepare them', () => {
  const statements = statementsOf(['sku', 'warehouse'])
  const texts = new Set<string | undefined>()
  for (let rows = 1; rows <= 300; rows++) {
    texts.add(statements.foldRows(Array.from({ length: rows }, () => item(-1, 2))).text)
    texts.add(statements.addTotal(item(...Array.from({ length: rows }, () => -1)))?.text)
  }
  expect(texts.size).toBe(6)
})

test('sums that a number cannot hold are left to the database', () => {
  const statements = statementsOf(['sku', 'warehouse'])
  const max = Number.MAX_SAFE_INTEGER
  expect(statements.addTotal(item(max - 1, 1))?.values.slice(0, 3)).toEqual([max, 0, max])
  expect(statements.addTotal(item(max, 1))).toBe(undefined)
  expect(statements.addTotal(item(-max, -1, 5))).toBe(undefined)
  const { values } = statements.foldRows([item(max, 2, -3), item(-2, 5)])
  expect(values).toEqual([
    0,
    [`{${max},2,-3}`, '{-2,5}'],
    [null, 3],
    [null, -2],
    [null, 3],
    [null, null],
    ['mug', 'mug'],
    [1, 1],
  ])
})
