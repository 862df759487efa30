import { describe, expect, it } from 'vitest'
import type { History } from '../../history.ts'
import type { MicroOperation, Operation } from '../../operation.ts'
import type { Edge, Violation } from '../../result.ts'
import type { SolverLevel } from './problem.ts'
import { solveLevel } from './solve-level.ts'
import { keepsByPoints } from './testing/brute-force.ts'
import { ORDERS } from './testing/compare.test-helper.ts'
import { randomHistory } from './testing/random-history.ts'
import { restricted } from './testing/restricted.ts'
import { oneSeed, randomOf, seedMessage, seeds } from './testing/random.ts'

const FILE = 'packages/checker/src/isolation/solver/explain.test.ts'

/** Transactions like `r x 0, w x 1`, one per line, each of a process and after the one above if `serial`, else all at the same time. */
function historyOf(lines: readonly string[], processes?: readonly number[], serial = false): History {
  const operations = lines.map((line, index): Operation => {
    const output = line.split(', ').map((step): MicroOperation => {
      const [kind, key, value] = step.split(' ') as [string, string, string]
      return [kind, key, Number(value)]
    })
    const at = processes === undefined ? 0 : index * 2
    return {
      index,
      process: processes?.[index] ?? index,
      op: 'txn',
      output,
      status: 'ok',
      start: serial ? index * 2 : at,
      end: serial ? index * 2 + 1 : processes === undefined ? 100 + index : at + 1,
    }
  })
  return { operations, faults: [], realTime: true, initial: 0 }
}

interface Found {
  readonly name: string
  readonly edges: readonly string[]
  readonly operations: readonly number[]
}

function found(violation: Violation | undefined): Found | undefined {
  if (violation === undefined) return undefined
  const edges = (violation.edges ?? []).map(({ from, kind, to }) => `${from} ${kind} ${to}`)
  return { name: violation.name, edges, operations: violation.operations.toSorted((a, b) => a - b) }
}

const check = (history: History, level: SolverLevel, order = ORDERS['no order']): Found | undefined =>
  found(solveLevel(history, { level, ...order }).violations[0])

describe('the reason of a violation', () => {
  it('is a lost update where two transactions update the same version', () => {
    const history = historyOf(['r x 0, w x 1', 'r x 0, w x 2'])
    const result = solveLevel(history, { level: 'snapshot-isolation' })
    expect(result.violations).toHaveLength(1)
    expect(result.violations[0]?.name).toBe('lost-update')
    expect(result.violations[0]?.message).toBe(
      'Lost update: #1 wrote x after #0 (with the versions the other way round there is a circle at once); #1 read x = 0 (the initial state), and #0 overwrote that',
    )
    expect(check(history, 'serializable')?.name).toBe('lost-update')
    expect(check(history, 'prefix')).toBeUndefined()
  })

  it('is a write skew where two transactions each overwrite what the other one read', () => {
    const history = historyOf(['r x 0, w y 1', 'r y 0, w x 1'])
    expect(check(history, 'serializable')).toEqual({
      name: 'G2-item',
      edges: ['0 rw 1', '1 rw 0'],
      operations: [0, 1],
    })
    expect(solveLevel(history, { level: 'serializable' }).violations[0]?.message).toMatch(/^Write skew: /)
    expect(check(history, 'snapshot-isolation')).toBeUndefined()
  })

  it('is a read skew where a transaction sees half of another one', () => {
    const history = historyOf(['w x 1, w y 1', 'r x 1, r y 0'])
    for (const level of ['prefix', 'snapshot-isolation', 'serializable'] as const)
      expect(check(history, level)).toEqual({
        name: 'G-single-item',
        edges: ['0 wr 1', '1 rw 0'],
        operations: [0, 1],
      })
  })

  it('is a long fork where two transactions see two writes in different orders', () => {
    const history = historyOf(['w x 1', 'w y 1', 'r x 1, r y 0', 'r y 1, r x 0'])
    for (const level of ['prefix', 'snapshot-isolation', 'serializable'] as const) {
      const { name, operations } = check(history, level) as Found
      expect({ name, operations }).toEqual({ name: 'G-nonadjacent-item', operations: [0, 1, 2, 3] })
    }
    expect(solveLevel(history, { level: 'prefix' }).violations[0]?.message).toMatch(/^Long fork: /)
  })

  it('is G1c where two transactions read from each other', () => {
    expect(check(historyOf(['w x 1, r y 1', 'w y 1, r x 1']), 'prefix')).toEqual({
      name: 'G1c',
      edges: ['0 wr 1', '1 wr 0'],
      operations: [0, 1],
    })
  })

  it('leaves out the hundred transactions that have nothing to do with it', () => {
    const others = Array.from({ length: 50 }, (_, i) => [`w k${i} 1`, `r k${i} 1, w k${i} 2`]).flat()
    const history = historyOf([...others, 'r x 0, w y 1', 'r y 0, w x 1'])
    expect(check(history, 'serializable')?.operations).toEqual([100, 101])
  })

  it('names the order of a process and real time where they are part of it', () => {
    const stale = ['w x 1', 'r x 0']
    expect(check(historyOf(stale, [0, 0]), 'serializable', ORDERS['session order'])).toEqual({
      name: 'G-single-item-process',
      edges: ['0 process 1', '1 rw 0'],
      operations: [0, 1],
    })
    expect(check(historyOf(stale, [0, 1], true), 'serializable', ORDERS['real time'])).toEqual({
      name: 'G-single-item-realtime',
      edges: ['0 real-time 1', '1 rw 0'],
      operations: [0, 1],
    })
    expect(check(historyOf(stale, [0, 1], true), 'serializable', ORDERS['session order'])).toBeUndefined()
  })

  it('is the read itself where no level allows it', () => {
    const history = historyOf(['w x 1, w x 2', 'r x 1', 'r x 7', 'w y 1, r y 0'])
    const { violations, violationCount } = solveLevel(history, { level: 'prefix', maxViolations: 2 })
    expect(violations.map((violation) => violation.operations)).toEqual([[1, 0], [2]])
    expect(violationCount).toBe(3)
  })
})

/** What an edge says, looked up in the history; a version order that the reads force is taken as it is. */
function isTrue(history: History, { from, to, kind, key }: Edge): boolean {
  const [a, b] = [history.operations[from], history.operations[to]] as [Operation, Operation]
  const stepsOf = ({ status, input, output }: Operation): readonly MicroOperation[] =>
    (status === 'ok' ? output : input) as readonly MicroOperation[]
  const valueOf = (operation: Operation, wanted: string): unknown =>
    stepsOf(operation).findLast(([kindOf, of]) => kindOf === wanted && of === key)?.[2]
  const writes = (operation: Operation): boolean => valueOf(operation, 'w') !== undefined
  switch (kind) {
    case 'ww':
      return writes(a) && writes(b)
    case 'wr':
      return (
        writes(a) &&
        stepsOf(b).some(([kindOf, of, value]) => kindOf === 'r' && of === key && value === valueOf(a, 'w'))
      )
    case 'rw':
      return (
        writes(b) &&
        stepsOf(a).some(([step, of, value]) => step === 'r' && of === key && value !== valueOf(b, 'w'))
      )
    case 'process':
      return a.process === b.process && from < to
    case 'real-time':
      return a.end < b.start
    default:
      return kind satisfies never
  }
}

describe.each(Object.entries(ORDERS))(
  'of random histories, with %s, the reason',
  { timeout: 60_000 },
  (_, order) => {
    it.each(['prefix', 'snapshot-isolation', 'serializable'] as const)(
      'for %s is a cycle of true edges, and no smaller set of transactions is broken',
      (level) => {
        const all = seeds(1_500)
        const sizes = new Map<number, number>()
        for (const seed of all) {
          const history = randomHistory(randomOf(seed), { wrongReads: 60, duplicates: 0 })
          const violation = solveLevel(history, { level, ...order }).violations[0]
          if (violation?.edges === undefined || violation.edges.length < 2) continue
          const message = `${violation.name} ${violation.message} ${JSON.stringify(history)} ${seedMessage(seed, FILE)}`
          const { edges, operations } = violation
          edges.forEach((edge, i) => {
            expect(edge.to, message).toBe(edges[(i + 1) % edges.length]?.from)
            expect(isTrue(history, edge), `${JSON.stringify(edge)} ${message}`).toBe(true)
            expect(operations, message).toContain(edge.from)
          })
          expect(keepsByPoints(restricted(history, operations), level, order), message).toBe(false)
          for (const index of operations) {
            const fewer = operations.filter((other) => other !== index)
            expect(
              keepsByPoints(restricted(history, fewer), level, order),
              `without #${index}: ${message}`,
            ).toBe(true)
          }
          sizes.set(operations.length, (sizes.get(operations.length) ?? 0) + 1)
        }
        if (oneSeed) return
        expect(sizes.get(2)).toBeGreaterThan(50)
        expect(sizes.get(3)).toBeGreaterThan(10)
      },
    )
  },
)
