import { expect, test } from 'vitest'
import { adjustRow, toDeltas } from './adjust.ts'
import { quoteIdentifier, type Shape } from './names.ts'
import { deleteRow, insertRow, selectRow, updateRow } from './statements.ts'

const shape: Shape = {
  label: 'stock',
  table: '"stock"',
  key: ['sku', 'warehouse'],
  version: 'version',
  column: quoteIdentifier,
}

test('updateRow() checks key and version in the write, and raises the version', () => {
  expect(updateRow(shape, { sku: 'mug', warehouse: 1, version: 4 }, { price: 5, note: undefined })).toEqual({
    text:
      'UPDATE "stock" SET "price" = $1, "version" = "version" + 1 ' +
      'WHERE "sku" = $2 AND "warehouse" = $3 AND "version" = $4 RETURNING *',
    values: [5, 'mug', 1, 4],
  })
})

test('updateRow() without changes only raises the version', () => {
  const { text } = updateRow(shape, { sku: 'mug', warehouse: 1, version: 4 }, {})
  expect(text).toContain('SET "version" = "version" + 1 WHERE')
})

test('deleteRow() checks key and version in the write', () => {
  expect(deleteRow(shape, { sku: 'mug', warehouse: 1, version: 4 })).toEqual({
    text: 'DELETE FROM "stock" WHERE "sku" = $1 AND "warehouse" = $2 AND "version" = $3 RETURNING 1 AS "deleted"',
    values: ['mug', 1, 4],
  })
})

test('insertRow() starts at version 1 unless told otherwise, and answers a taken key without an error', () => {
  expect(insertRow(shape, { sku: 'mug', warehouse: 1 })).toEqual({
    text:
      'INSERT INTO "stock" ("sku", "warehouse", "version") VALUES ($1, $2, 1) ' +
      'ON CONFLICT ("sku", "warehouse") DO NOTHING RETURNING *',
    values: ['mug', 1],
  })
  expect(insertRow(shape, { sku: 'mug', warehouse: 1, version: 7 }).values).toEqual(['mug', 1, 7])
})

test('adjustRow() bounds falling columns by 0, and others only when asked', () => {
  const key = { sku: 'mug', warehouse: 1 }
  expect(adjustRow(shape, key, { available: -2, reserved: 2 }, { max: { reserved: 'capacity' } })).toEqual({
    text:
      'UPDATE "stock" SET "available" = "available" + $1, "reserved" = "reserved" + $2, "version" = "version" + 1 ' +
      'WHERE "sku" = $3 AND "warehouse" = $4 AND "available" + $1 >= $5 AND "reserved" + $2 <= "capacity" RETURNING *',
    values: ['-2', '2', 'mug', 1, '0'],
  })
  expect(adjustRow(shape, key, { available: -2 }, { min: { available: -Infinity } }).text).not.toContain('>=')
})

test('adjustRow() without bounds adds nothing to NULL, and has its values in their places', () => {
  expect(
    adjustRow(shape, { sku: 'mug', warehouse: 1 }, { available: -2, reserved: 2n, due: -1 }, {}),
  ).toEqual({
    text:
      'UPDATE "stock" SET "available" = "available" + $1, "reserved" = "reserved" + $2, "due" = "due" + $3, "version" = "version" + 1 ' +
      'WHERE "sku" = $4 AND "warehouse" = $5 AND "available" + $1 >= $6 AND "due" + $3 >= $7 AND "reserved" IS NOT NULL RETURNING *',
    values: ['-2', '2', '-1', 'mug', 1, '0', '0'],
  })
})

test('toDeltas() rejects amounts that are not amounts', () => {
  for (const amount of [NaN, Infinity, '3', null]) {
    expect(() => toDeltas('decrementIf', { available: amount }, -1)).toThrow(RangeError)
  }
  expect(() => toDeltas('decrementIf', { available: -1 }, -1)).toThrow(/must be 0 or more/)
  expect(() => toDeltas('decrementIf', { available: undefined }, -1)).toThrow(TypeError)
  expect(toDeltas('decrementIf', { a: 2, b: 3n, c: undefined }, -1)).toEqual({ a: -2, b: -3n })
})

test('a text that is made once has the values of each call in their places, for every kind of version', () => {
  for (const by of ['number', 'xmin', 'time', 'values'] as const) {
    const make = (): Shape => ({ ...shape, by, version: by === 'xmin' ? 'xmin' : 'version' })
    const remembered = make()
    for (const value of [1, 2]) {
      const key = { sku: `mug ${value}`, warehouse: value }
      const row = { ...key, version: value + 10, xmin: `${value}`, note: value === 1 ? null : 'x' }
      for (const changes of [{ a: value, b: undefined }, { a: value, b: null }, { b: value, a: 0 }, {}]) {
        expect(updateRow(remembered, row, changes)).toEqual(updateRow(make(), row, changes))
      }
      for (const deltas of [{ a: -value }, { a: value }, { a: -value, b: 0 }, { b: -1n, a: -value }]) {
        for (const bounds of [{}, { max: { a: value } }, { min: { a: 'b' } }]) {
          expect(adjustRow(remembered, key, deltas, bounds)).toEqual(adjustRow(make(), key, deltas, bounds))
        }
      }
      expect(selectRow(remembered, key)).toEqual(selectRow(make(), key))
    }
  }
})

test('updateRow() counts the values of a remembered text as those of a fresh one', () => {
  const row = { sku: 'mug', warehouse: 1, version: 4 }
  const count = ({ text, values }: { text: string; values: unknown[] }): void => {
    const places = new Set(text.match(/\$\d+/g))
    expect(places.size).toBe(values.length)
  }
  for (const by of ['number', 'time'] as const) {
    count(updateRow({ ...shape, by }, row, { a: 1, b: 2 }))
    count(adjustRow({ ...shape, by }, row, { a: -1, b: 2, c: -3 }, {}))
  }
})
