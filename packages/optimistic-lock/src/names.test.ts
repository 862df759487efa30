import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkShape, quoteIdentifier, quoteTable, unquoteIdentifier } from './names.ts'

test('quoteIdentifier() keeps any name one identifier, and unquoteIdentifier() gives it back', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: 'binary' }).filter((name) => !name.includes('\0')),
      (name) => {
        const quoted = quoteIdentifier(name)
        // Inside the outer quotes every quote is doubled, so none of them ends the identifier.
        expect(quoted.slice(1, -1).replaceAll('""', '')).not.toContain('"')
        expect(unquoteIdentifier(quoted)).toBe(name)
      },
    ),
  )
})

test('quoteIdentifier() rejects what Postgres cannot hold', () => {
  expect(() => quoteIdentifier('')).toThrow(TypeError)
  expect(() => quoteIdentifier('a\0b')).toThrow(TypeError)
})

test('quoteTable() takes an optional schema and no more', () => {
  expect(quoteTable('stock')).toBe('"stock"')
  expect(quoteTable('shop.st"ock')).toBe('"shop"."st""ock"')
  expect(() => quoteTable('a.b.c')).toThrow(TypeError)
  expect(() => quoteTable('a.')).toThrow(TypeError)
})

test('checkShape() wants a key, and a version apart from it', () => {
  const shape = { label: 't', table: '"t"', version: 'v', column: quoteIdentifier }
  expect(() => checkShape({ ...shape, key: [] })).toThrow(/at least one column/)
  expect(() => checkShape({ ...shape, key: ['a', 'a'] })).toThrow(/different columns/)
  expect(() => checkShape({ ...shape, key: ['a', 'v'] })).toThrow(/different columns/)
  expect(checkShape({ ...shape, key: ['a', 'b'] }).key).toEqual(['a', 'b'])
})
