import { describe, expect, test } from 'vitest'
import { checkWeakLevel, type WeakLevel } from './check-weak-level.ts'
import { historyOf, type Step, txn } from './testing/history-of.ts'

const LEVELS: readonly WeakLevel[] = ['read-committed', 'read-atomic', 'causal']
const names = (steps: readonly Step[]): readonly (string | undefined)[] =>
  LEVELS.map((level) => checkWeakLevel(historyOf(steps), level).violations[0]?.name)

describe('checkWeakLevel()', () => {
  test('a transaction that sees another one half breaks read atomic and above', () => {
    const steps = [txn(1, ['w', 'x', 1], ['w', 'y', 1]), txn(2, ['r', 'y', null], ['r', 'x', 1])]
    expect(names(steps)).toEqual([undefined, 'fractured-read', 'WriteCOInitRead'])
    expect(checkWeakLevel(historyOf(steps), 'read-atomic').violations[0]).toMatchObject({
      message:
        '#1 (process 2) read null from y, the initial value, but #0 wrote 1, from which it read 1 from x',
      operations: [1, 0],
    })
  })

  test('one that sees the rest later and older breaks read committed', () => {
    const steps = [txn(1, ['w', 'x', 1], ['w', 'y', 1]), txn(2, ['r', 'x', 1], ['r', 'y', null])]
    expect(names(steps)).toEqual(['non-monotonic-read', 'fractured-read', 'WriteCOInitRead'])
  })

  test('two versions of a key in one transaction break read atomic', () => {
    const steps = [txn(1, ['w', 'x', 1]), txn(2, ['w', 'x', 2]), txn(3, ['r', 'x', 1], ['r', 'x', 2])]
    expect(names(steps)).toEqual([undefined, 'fractured-read', 'CyclicCF'])
    expect(checkWeakLevel(historyOf(steps), 'read-atomic').violations[0]).toMatchObject({
      operations: [2, 0, 1],
      edges: [
        { from: 0, to: 1, kind: 'ww', key: 'x' },
        { from: 1, to: 0, kind: 'ww', key: 'x' },
      ],
    })
  })

  test('a cause that is not seen breaks only causal', () => {
    const steps = [
      txn(1, ['w', 'x', 1]),
      txn(2, ['r', 'x', 1], ['w', 'y', 1]),
      txn(3, ['r', 'y', 1]),
      txn(3, ['r', 'x', null]),
    ]
    expect(names(steps)).toEqual([undefined, undefined, 'WriteCOInitRead'])
  })

  test('sessions count at every level', () => {
    const steps = [txn(1, ['r', 'x', 1]), txn(1, ['w', 'x', 1])]
    expect(names(steps)).toEqual(['G1c-process', 'G1c-process', 'CyclicCO'])
  })

  test('transactions that read from each other break every level', () => {
    const steps = [txn(1, ['w', 'x', 1], ['r', 'y', 1]), txn(2, ['w', 'y', 1], ['r', 'x', 1])]
    expect(names(steps)).toEqual(['G1c', 'G1c', 'CyclicCO'])
  })

  test('a long transaction is compared with writers of more and of fewer keys', () => {
    const keys = Array.from({ length: 100 }, (_, i) => `k${i}`)
    const big = keys.map((key) => ['w', key, 1] as const)
    const small = [txn(1, ...big), txn(2, ['w', 'k7', 2])]
    const all = keys.map((key) => ['r', key, 1] as const)
    expect(names([...small, txn(3, ...all)])).toEqual([undefined, undefined, undefined])
    const broken = [...all.slice(0, 50), ['r', 'k70', null] as const]
    expect(names([...small, txn(3, ...broken)])).toEqual([
      'non-monotonic-read',
      'fractured-read',
      'WriteCOInitRead',
    ])
    const back = [...all.slice(0, 60), ['r', 'k7', 2] as const, ['r', 'k7', 1] as const]
    expect(names([...small, txn(3, ...back)])[0]).toBe('non-monotonic-read')
  })

  test('refuses an unknown level', () => {
    expect(() => checkWeakLevel(historyOf([]), 'serializable' as WeakLevel)).toThrow("got 'serializable'")
  })
})
