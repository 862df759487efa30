import { describe, expect, test } from 'vitest'
import { checkCausal, type CausalOptions } from './check-causal.ts'
import { historyOf, read, type Step, write } from './testing/history-of.ts'

const names = (steps: readonly Step[], options?: CausalOptions): readonly string[] =>
  checkCausal(historyOf(steps), options).violations.map(({ name }) => name)

// Letters: the histories of figure 3 of Bouajjani et al., POPL 2017.
describe('checkCausal() names the bad patterns', () => {
  test('(a) CyclicCF: two that read each other’s write as the newer one are causal, but do not converge', () => {
    const steps = [write(1, 'x', 1), read(1, 'x', 2), write(2, 'x', 2), read(2, 'x', 1)]
    expect(names(steps, { variant: 'cc' })).toEqual([])
    const { violations } = checkCausal(historyOf(steps))
    expect(violations[0]).toMatchObject({
      name: 'CyclicCF',
      message:
        'No order of versions suits all reads: #1 read 2 from x, which #2 wrote, although it came after #0, which wrote 1; #3 read 1 from x, which #0 wrote, although it came after #2, which wrote 2',
      operations: [1, 3, 0, 2],
      edges: [
        { from: 0, to: 2, kind: 'ww', key: 'x' },
        { from: 2, to: 0, kind: 'ww', key: 'x' },
      ],
    })
  })

  test('(c) CyclicCF in one session that reads two concurrent writes in turn', () => {
    const steps = [write(1, 'x', 1), write(2, 'x', 2), read(2, 'x', 1), read(2, 'x', 2)]
    expect(names(steps, { variant: 'cc' })).toEqual([])
    expect(names(steps)).toEqual(['CyclicCF'])
    expect(names([write(1, 'x', 1), write(2, 'x', 2), read(2, 'x', 1)])).toEqual([])
  })

  test('(e) WriteCORead: an effect was read, and then less than its cause', () => {
    const steps = [
      write(1, 'x', 1),
      write(1, 'y', 1),
      read(2, 'y', 1),
      write(2, 'x', 2),
      read(3, 'x', 2),
      read(3, 'x', 1),
    ]
    const { violations } = checkCausal(historyOf(steps), { variant: 'cc' })
    expect(violations[0]).toMatchObject({
      name: 'WriteCORead',
      message:
        '#5 (process 3) read 1 from x, which #0 wrote, although it came after #3, which wrote 2 after #0',
      edges: [
        { from: 5, to: 3, kind: 'rw' },
        { from: 3, to: 4, kind: 'wr' },
        { from: 4, to: 5, kind: 'process' },
      ],
    })
    expect(violations[0]?.operations).toEqual([5, 3, 0, 1, 2, 4])
  })

  test('WriteCOInitRead: the initial value was read after a write', () => {
    const steps = [write(1, 'x', 1), write(1, 'y', 1), read(2, 'y', 1), read(2, 'x', null)]
    expect(checkCausal(historyOf(steps)).violations[0]).toMatchObject({
      name: 'WriteCOInitRead',
      message: '#3 (process 2) read null from x, the initial value, although it came after #0, which wrote 1',
      operations: [3, 0, 1, 2],
    })
  })

  test('CyclicCO: operations that come before themselves', () => {
    const steps = [read(1, 'x', 2), write(1, 'y', 1), read(2, 'y', 1), write(2, 'x', 2)]
    expect(checkCausal(historyOf(steps)).violations[0]).toMatchObject({
      name: 'CyclicCO',
      message:
        '#1 (process 1) comes before itself: #2 read 1 from y, which #1 wrote; process 2 did #2 first; #0 read 2 from x, which #3 wrote; process 1 did #0 first',
    })
  })

  test('thin-air-read, G1a, G1b', () => {
    expect(names([read(1, 'x', 1)])).toEqual(['thin-air-read'])
    expect(names([write(1, 'x', 1, { status: 'fail' }), read(2, 'x', 1)])).toEqual(['G1a'])
    const twice = {
      op: 'txn',
      output: [
        ['w', 'x', 1],
        ['w', 'x', 2],
      ],
    }
    expect(names([twice, read(2, 'x', 1)])).toEqual(['G1b'])
  })
})

describe('checkCausal()', () => {
  test('lets a write of unknown status take effect after later operations of its process', () => {
    const unknown = write(1, 'x', 1, { status: 'unknown' })
    const steps = [unknown, write(1, 'y', 1), read(2, 'y', 1), read(2, 'x', null), read(2, 'x', 1)]
    expect(names(steps)).toEqual([])
    expect(names([{ ...unknown, status: 'ok', end: 1 }, ...steps.slice(1)])).toEqual(['WriteCOInitRead'])
  })

  test('holds a write of unknown status that was read to what came before it', () => {
    const steps = [
      write(1, 'y', 1),
      write(1, 'x', 1, { status: 'unknown' }),
      write(1, 'z', 1),
      read(2, 'x', 1),
      read(2, 'y', null),
    ]
    expect(names(steps)).toEqual(['WriteCOInitRead'])
  })

  test('knows nothing of real time', () => {
    expect(names([write(1, 'x', 1), read(2, 'x', null)])).toEqual([])
  })

  test('stops at its budget', () => {
    const result = checkCausal(historyOf([write(1, 'x', 1)]), { maxBytes: 10 })
    expect([result.verdict, result.violationCount]).toEqual(['unknown', 0])
    expect(result.reason).toContain('maxBytes allows 10 bytes')
  })

  test('counts all violations and lists some', () => {
    const steps = [write(1, 'x', 1), ...Array.from({ length: 30 }, () => read(1, 'x', null))]
    const result = checkCausal(historyOf(steps), { maxViolations: 2 })
    expect([result.violations.length, result.violationCount]).toEqual([2, 30])
  })

  test('finds the one CyclicCF among many sessions', () => {
    const steps: Step[] = []
    for (let i = 0; i < 2000; i++)
      steps.push(i % 3 === 0 ? write(i % 20, `k${i % 7}`, i) : read(i % 20, 'quiet', null))
    steps.push(write(1, 'x', 'a'), read(1, 'x', 'b'), write(2, 'x', 'b'), read(2, 'x', 'a'))
    expect(
      checkCausal(historyOf(steps)).violations.map(({ name, operations }) => [name, operations]),
    ).toEqual([['CyclicCF', [2001, 2003, 2000, 2002]]])
  })

  test('refuses an unknown variant', () => {
    expect(() => checkCausal(historyOf([]), { variant: 'cm' as 'cc' })).toThrow(
      "variant must be 'cc' or 'ccv', got 'cm'",
    )
  })

  test('an empty history is causal', () => {
    expect(checkCausal(historyOf([])).verdict).toBe('ok')
  })
})
