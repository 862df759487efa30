import { describe, expect, test } from 'vitest'
import { EdnReader } from './edn-reader.ts'
import { checkedLimits, type ReadLimits } from './limits.ts'
import { sourceOf } from './source.ts'

function read(text: string, limits: ReadLimits = {}): unknown {
  const reader = new EdnReader(sourceOf(text, 'demo.edn', checkedLimits(limits)))
  const value = reader.read()
  expect(reader.peek()).toBe(undefined)
  return value
}

describe('EDN', () => {
  test.each([
    ['nil', null],
    ['true', true],
    ['false', false],
    ['42', 42],
    ['-7', -7],
    ['+3', 3],
    ['-0', 0],
    ['42N', 42],
    ['9007199254740993', 9007199254740993n],
    ['-9007199254740993N', -9007199254740993n],
    ['1.5', 1.5],
    ['-2.5e3', -2500],
    ['1.25M', 1.25],
    ['2/3', '2/3'],
    [':ok', 'ok'],
    [':jepsen.op/type', 'jepsen.op/type'],
    ['some.symbol/name', 'some.symbol/name'],
    ['+', '+'],
    ['"text"', 'text'],
    [String.raw`"a\n\t\"\\\u0041"`, 'a\n\t"\\A'],
    ['"two\nlines"', 'two\nlines'],
    ['"\\d"', '\\d'],
    [String.raw`\a`, 'a'],
    [String.raw`\newline`, '\n'],
    [String.raw`\u0041`, 'A'],
    [String.raw`\o101`, 'A'],
    [String.raw`[\( \)]`, ['(', ')']],
    ['[]', []],
    ['[1, 2 ,3]', [1, 2, 3]],
    ['(1 (2) [3])', [1, [2], [3]]],
    ['#{3 1 2}', [1, 2, 3]],
    ['#{:b "a" 10}', ['a', 'b', 10]],
    ['{}', {}],
    ['{:a 1, "b" 2, 3 4, [5] 6}', { a: 1, b: 2, '3': 4, '[5]': 6 }],
    ['#:op{:type :ok, :other/x 1}', { 'op/type': 'ok', 'other/x': 1 }],
    ['#inst "2026-11-20"', '2026-11-20'],
    ['#jepsen.history.Op{:process 1}', { process: 1 }],
    ['#"a+"', 'a+'],
    ['^{:doc "meta"} [1]', [1]],
    ['[1 #_ 2 3]', [1, 3]],
    ['[1 #_#_ 2 3 4]', [1, 4]],
    ['; a comment\n[1 ; another\n 2]', [1, 2]],
    ['[1] #_ {:gone 1}', [1]],
  ])('%s', (text, value) => {
    expect(read(text)).toEqual(value)
  })

  test('sets are equal whatever order they were printed in', () => {
    expect(read('#{[2 1] [1 2] {:a 1}}')).toEqual(read('#{{:a 1} [1 2] [2 1]}'))
  })

  test.each([
    ['[1 2', 1, 'it ends before the "]" of what line 1 opens; is it cut off?'],
    ['{:a\n 1', 2, 'it ends before the "}" of what line 1 opens; is it cut off?'],
    ['{:a}', 1, 'the key "a" has no value'],
    ['{:a 1\n :a 2}', 2, 'the key "a" is there twice'],
    ['[1}', 1, '"}" closes nothing'],
    ['\n)', 2, '")" closes nothing'],
    ['"abc', 1, 'it ends within the string that line 1 opens; is it cut off?'],
    ['{:a #_ 1}', 1, 'the key "a" has no value'],
    ['{:__proto__ {:polluted true}}', 1, 'a key may not be called "__proto__"'],
    ['{"__proto__" 1}', 1, 'a key may not be called "__proto__"'],
    ['1e999', 1, 'a number out of range: "1e999"'],
    ['##Inf', 1, 'a number out of range: ##Inf'],
    ['9'.repeat(101), 1, `a number out of range: "${'9'.repeat(40)}…"`],
    ['12ab', 1, '"12ab" is no number'],
    ['@x', 1, '"@x" is no EDN'],
    [':', 1, '":" without a name'],
    ['#', 1, '"#" without a tag'],
    ['#tag', 1, 'it ends where a value is expected; is it cut off?'],
    [String.raw`\bogus`, 1, String.raw`\bogus is no character`],
    [String.raw`"\u12"`, 1, String.raw`\u12" is no character`],
  ])('%j is refused', (text, line, reason) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ file: 'demo.edn', line, reason }))
  })

  test('nesting is bounded, whatever nests', () => {
    for (const open of ['[', '(', '{', '#{', '#_', '#a ', '^', '#:a{'])
      expect(() => read(open.repeat(100_000)), open).toThrow('nested more than 64 deep (maxDepth)')
    expect(read('['.repeat(64) + ']'.repeat(64))).toBeDefined()
    expect(() => read('['.repeat(1000), { maxDepth: 1001 })).toThrow(RangeError)
  })

  test('the number of values is bounded', () => {
    expect(() => read(`[${'[]'.repeat(1000)}]`, { maxOperations: 10 })).toThrow('more than 160 values')
  })
})
