import { describe, expect, it } from 'vitest'
import type { Operation } from '../../operation.ts'
import { operation } from '../histories.test-helper.ts'
import { kindOf, labelOf } from './label.ts'
import { shorten, showValue } from './text.ts'

const label = (op: string, more: Partial<Operation> = {}, withKey = false): string =>
  labelOf(operation(0, 1, op, [0, 1], more), withKey)

describe('labelOf()', () => {
  it('says what was asked and what came back', () => {
    expect(label('read', { output: 3 })).toBe('read → 3')
    expect(label('read', { output: null })).toBe('read → null')
    expect(label('write', { input: 3, output: 'OK' })).toBe('write 3')
    expect(label('cas', { input: [1, 4], output: true })).toBe('cas 1→4')
    expect(label('enqueue', { input: 'job-7' })).toBe('enqueue job-7')
    expect(label('dequeue', { output: 'job-7' })).toBe('dequeue → job-7')
    expect(label('acquire', { output: 33 })).toBe('acquire → 33')
    expect(label('read', { key: 'sku-1', output: 3 }, true)).toBe('read sku-1 → 3')
    expect(label('cas', { key: 'sku-1', input: [1, 4] }, true)).toBe('cas sku-1 1→4')
  })

  it('marks what did not happen and what nobody knows, in words without colour', () => {
    expect(label('cas', { input: [1, 4], output: false })).toBe('cas 1→4 ✗')
    expect(label('write', { input: 3, status: 'fail' })).toBe('write 3 ✗')
    expect(label('write', { input: 3, status: 'unknown' })).toBe('write 3 ?')
    expect(label('read', { output: 3, status: 'unknown' })).toBe('read ?')
  })

  it('lists the steps of a transaction, with what its reads saw', () => {
    const input = [
      ['r', 'x', null],
      ['w', 'y', 2],
      ['append', 'z', 9],
    ]
    const output = [
      ['r', 'x', [1, 2]],
      ['w', 'y', 2],
      ['append', 'z', 9],
    ]
    expect(label('txn', { input, output })).toBe('r x→[1,2] w y=2 z+=9')
    expect(label('txn', { input, status: 'unknown' })).toBe('r x w y=2 z+=9 ?')
  })

  it('stays short, whatever the values', () => {
    const big = Array.from({ length: 50 }, (_, at) => ['r', `key-${at}`, 'x'.repeat(1_000)])
    expect(label('txn', { input: big, output: big }).length).toBeLessThanOrEqual(42)
    expect(label('x'.repeat(1_000), { input: 'y'.repeat(1_000) }).length).toBeLessThanOrEqual(42)
  })
})

describe('kindOf()', () => {
  it('tells what only looks from what changes', () => {
    const kind = (op: string, input?: unknown): string => kindOf(operation(0, 1, op, [0, 1], { input }))
    expect(['read', 'write', 'cas', 'dequeue', 'append'].map((op) => kind(op))).toEqual([
      'read',
      'write',
      'both',
      'both',
      'write',
    ])
    expect(kind('txn', [['r', 'x', null]])).toBe('read')
    expect(kind('txn', [['append', 'x', 1]])).toBe('write')
    expect(
      kind('txn', [
        ['r', 'x', null],
        ['w', 'x', 1],
      ]),
    ).toBe('both')
    expect(kind('txn', 'no list')).toBe('both')
  })
})

describe('showValue()', () => {
  it('writes plain words without quotes, and all else so that it can be told apart', () => {
    expect(['sku-1', '', 'a b', 3, null, undefined, true, 5n].map((value) => showValue(value))).toEqual([
      'sku-1',
      '""',
      '"a b"',
      '3',
      'null',
      '',
      'true',
      '5n',
    ])
    expect(showValue({ a: [1, { b: 'x y' }] })).toBe('{a:[1,{b:"x y"}]}')
    expect(showValue([new Date(5), new Date(6)])).toBe('[Date(5),Date(6)]')
  })

  it('ends a value that contains itself', () => {
    const loop: unknown[] = []
    loop.push(loop)
    expect(showValue(loop)).toBe('[[[[[[…]]]]]]')
  })
})

it('shorten() never leaves half a character', () => {
  expect(shorten('ab😀cd', 4)).toBe('ab…')
})
