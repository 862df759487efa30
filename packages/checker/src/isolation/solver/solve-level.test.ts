import { describe, expect, it } from 'vitest'
import type { History } from '../../history.ts'
import type { MicroOperation, Operation, Status } from '../../operation.ts'
import { solveLevel } from './solve-level.ts'
import { randomHistory } from './testing/random-history.ts'
import { randomOf } from './testing/random.ts'

/** Transactions like `w x 1, r y 0`, one after the other; `!` in front: aborted, `?`: of unknown outcome. */
function historyOf(lines: readonly string[], realTime = true): History {
  const operations = lines.map((line, index): Operation => {
    const status: Status = line.startsWith('!') ? 'fail' : line.startsWith('?') ? 'unknown' : 'ok'
    const steps = line.replace(/^[!?]/, '').split(', ')
    const output = steps.map((step): MicroOperation => {
      const [kind, key, value] = step.split(' ') as [string, string, string]
      return [kind, key, Number(value)]
    })
    const input = output.map(([kind, key, value]): MicroOperation => [kind, key, kind === 'w' ? value : null])
    const end = status === 'unknown' ? Infinity : index * 2 + 1
    return {
      index,
      process: index,
      op: 'txn',
      input,
      ...(status === 'ok' ? { output } : {}),
      status,
      start: index * 2,
      end,
    }
  })
  return { operations, faults: [], realTime, initial: 0 }
}

describe('solveLevel()', () => {
  it('gives a serial order that explains all reads', () => {
    const history = historyOf(['r x 2', 'w x 1', 'r x 1, w x 2'])
    const result = solveLevel(history, { level: 'serializable' })
    expect(result).toMatchObject({
      verdict: 'ok',
      promise: 'serializable',
      witness: [1, 2, 0],
      violations: [],
    })
    expect(solveLevel(history, { level: 'serializable', realTime: true })).toMatchObject({
      verdict: 'violated',
      promise: 'strict serializable',
    })
  })

  it('leaves out a transaction of unknown outcome unless somebody read from it', () => {
    const unseen = historyOf(['?w x 1', 'r x 0'])
    expect(solveLevel(unseen, { level: 'serializable', realTime: true })).toMatchObject({
      verdict: 'ok',
      witness: [1],
    })
    const seen = historyOf(['?w x 1, w y 1', 'r x 1', 'r y 0'])
    expect(solveLevel(seen, { level: 'serializable' })).toMatchObject({ verdict: 'ok', witness: [2, 0, 1] })
    expect(solveLevel(seen, { level: 'serializable', realTime: true }).verdict).toBe('violated')
  })

  it('lets a transaction of unknown outcome take effect after others of its process', () => {
    const history = historyOf(['?w x 1', 'r x 0', 'r x 1'])
    const operations = history.operations.map((operation) => ({ ...operation, process: 0 }))
    expect(solveLevel({ ...history, operations }, { level: 'serializable', realTime: true }).verdict).toBe(
      'ok',
    )
  })

  it('refuses a read of what was taken back', () => {
    const { verdict, violations } = solveLevel(historyOf(['!w x 1', 'r x 1']), { level: 'prefix' })
    expect({ verdict, name: violations[0]?.name }).toEqual({ verdict: 'violated', name: 'G1a' })
  })

  it('says unknown where a value was written twice and that matters', () => {
    const level = 'serializable'
    const matters = historyOf(['w x 1, w y 1', 'w x 1, w y 2', 'r x 1, r y 0'])
    const result = solveLevel(matters, { level })
    // Both writers of x = 1 wrote y as well.
    expect(result).toMatchObject({
      verdict: 'unknown',
      reason: '#0 and #1 gave x the same value 1: whose was read is not known',
    })
    expect(solveLevel(historyOf(['w x 1', 'w x 1', 'r x 1']), { level }).verdict).toBe('ok')
    expect(
      solveLevel(historyOf(['w x 1', 'w x 1', 'r z 0, w z 1', 'r z 0, w z 2', 'r x 1']), { level }).verdict,
    ).toBe('violated')
  })

  it('says unknown of real time for a history that has none', () => {
    expect(solveLevel(historyOf(['w x 1'], false), { level: 'serializable', realTime: true })).toMatchObject({
      verdict: 'unknown',
      reason: 'the history has no real time, only the order within each process',
    })
  })

  it('includes the order of sessions in a history that has nothing else, unless told not to', () => {
    const history = historyOf(['w x 1', 'r x 0'], false)
    const operations = history.operations.map((operation) => ({ ...operation, process: 0 }))
    const sessions = { ...history, operations }
    expect(solveLevel(sessions, { level: 'serializable' })).toMatchObject({
      verdict: 'violated',
      promise: 'strong session serializable',
    })
    expect(solveLevel(sessions, { level: 'serializable', sessionOrder: false }).verdict).toBe('ok')
  })

  it('says unknown with the reason when a budget is spent', () => {
    const size = { transactions: 300, keys: 3, processes: 5, steps: 900 }
    const history = randomHistory(randomOf(1), { wrongReads: 0, oldSnapshots: 0, duplicates: 0, size })
    let now = 0
    const monotonic = (): number => (now += 10)
    expect(solveLevel(history, { level: 'prefix', maxTimeMs: 15, monotonic })).toMatchObject({
      verdict: 'unknown',
      reason: 'the time budget of 15 ms is spent',
    })
    expect(solveLevel(history, { level: 'prefix', maxBytes: 50_000 })).toMatchObject({
      verdict: 'unknown',
      reason: 'the memory budget of 50000 bytes is spent',
    })
    expect(solveLevel(history, { level: 'prefix' }).verdict).toBe('ok')
  })

  it('looks for no violation where none is to be told', () => {
    const history = historyOf(['r x 0, w x 1', 'r x 0, w x 2'])
    const { verdict, violations, violationCount } = solveLevel(history, {
      level: 'serializable',
      maxViolations: 0,
    })
    expect({ verdict, violations, violationCount }).toEqual({
      verdict: 'violated',
      violations: [],
      violationCount: 1,
    })
  })
})
