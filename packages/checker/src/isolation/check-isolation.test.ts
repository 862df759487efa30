import { describe, expect, it } from 'vitest'
import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { MicroOperation, Operation, Status } from '../operation.ts'
import { checkIsolation } from './check-isolation.ts'
import { addFan } from './dependencies.ts'
import { FREE, type Graph, GraphBuilder, RW } from './graph.ts'
import { allLevels, levelOf, lineage } from './levels.ts'
import { seeded, simulate } from './testing/simulated-database.ts'
import { readTransactions } from './transactions.ts'

interface Txn {
  readonly steps: readonly MicroOperation[]
  readonly status?: Status
  readonly process?: number
}

/** All at the same time, unless `sequential`. */
function history(txns: readonly Txn[], options: Partial<History> & { sequential?: boolean } = {}): History {
  const { sequential = false, ...rest } = options
  const operations = txns.map(({ steps, status = 'ok', process }, index): Operation => {
    const start = sequential ? 2 * index : index
    const end = sequential ? start + 1 : txns.length + index
    return {
      index,
      process: process ?? index,
      op: 'txn',
      input: steps,
      output: status === 'ok' ? steps : undefined,
      status,
      start,
      end: status === 'unknown' ? Infinity : end,
    }
  })
  return { operations, faults: [], realTime: true, ...rest }
}

const r = (key: string, seen: unknown): MicroOperation => ['r', key, seen]
const append = (key: string, element: unknown): MicroOperation => ['append', key, element]
const w = (key: string, value: unknown): MicroOperation => ['w', key, value]
const names = (result: { violations: readonly { name: string }[] }): string[] =>
  result.violations.map(({ name }) => name)

describe('checkIsolation()', () => {
  it.each([{ maxTimeMs: Number.NaN }, { maxTimeMs: 0 }, { maxBytes: -1 }])(
    'refuses the budget %j',
    (budget) => {
      const check = (): unknown => checkIsolation(history([]), { model: 'rw-register', ...budget })
      expect(check).toThrow(RangeError)
      expect(check).toThrow(/^max(TimeMs|Bytes) must be above 0, got/)
    },
  )

  it('takes null for the initial value only where nothing else is', () => {
    const read = [{ steps: [r('x', null)] }]
    const options = { model: 'rw-register', level: 'read-committed' } as const
    expect(checkIsolation(history(read), options).verdict).toBe('ok')
    expect(checkIsolation(history(read, { initial: 0 }), options).violations).toMatchObject([
      { name: 'thin-air-read', message: expect.stringContaining('x = null, which nobody wrote') as string },
    ])
  })

  it('tells a cycle with its edges in words', () => {
    const { violations, weakestRuledOut, mayHold } = checkIsolation(
      history([{ steps: [r('x', []), append('y', 1)] }, { steps: [r('y', null), append('x', 1)] }]),
      { model: 'list-append', level: 'serializable' },
    )
    expect(violations).toEqual([
      {
        name: 'G2-item',
        message:
          '2 transactions in a circle: no serial order explains what they saw. #0 read x without 1, which #1 appended; #1 read y without 1, which #0 appended',
        operations: [0, 1],
        edges: [
          { from: 0, to: 1, kind: 'rw', key: 'x', because: '#0 read x without 1, which #1 appended' },
          { from: 1, to: 0, kind: 'rw', key: 'y', because: '#1 read y without 1, which #0 appended' },
        ],
      },
    ])
    expect(weakestRuledOut).toEqual(['repeatable-read'])
    expect(mayHold).toEqual(['strong-snapshot-isolation'])
  })

  it('names real-time edges, which go through no third transaction', () => {
    const { violations } = checkIsolation(
      history([{ steps: [append('x', 1)] }, { steps: [r('y', [])] }, { steps: [r('x', [])] }], {
        sequential: true,
      }),
      { model: 'list-append' },
    )
    expect(names({ violations })).toEqual(['G-single-item-realtime'])
    expect(violations[0]?.edges?.map(({ because }) => because)).toEqual([
      '#2 read x without 1, which #0 appended',
      '#0 had completed when #2 began',
    ])
  })

  it('takes a crashed transaction for one that may or may not have happened', () => {
    const steps = [append('x', 1), append('y', 1)]
    const unseen = history([{ steps, status: 'unknown' }, { steps: [r('x', []), r('y', [])] }], {
      sequential: true,
    })
    expect(checkIsolation(unseen, { model: 'list-append' }).verdict).toBe('ok')
    const seen = history([{ steps, status: 'unknown' }, { steps: [r('x', [1]), r('y', [])] }], {
      sequential: true,
    })
    expect(names(checkIsolation(seen, { model: 'list-append', level: 'RA' }))).toEqual(['fractured-read'])
    const late = history([{ steps, status: 'unknown' }, { steps: [r('x', [])] }, { steps: [r('x', [1])] }], {
      sequential: true,
    })
    expect(checkIsolation(late, { model: 'list-append' }).verdict).toBe('ok')
  })

  it('does not order what nobody saw, but finds what is wrong in every order of it', () => {
    const skew = history([
      { steps: [r('y', []), append('z', 1), append('x', 1)] },
      { steps: [r('z', []), append('y', 1), append('x', 2)] },
    ])
    const result = checkIsolation(skew, { model: 'list-append', level: 'snapshot-isolation' })
    expect(result).toMatchObject({ verdict: 'violated' })
    expect(names(result)).toContain('G-single-item')
    expect(checkIsolation(skew, { model: 'list-append', level: 'prefix' }).verdict).toBe('ok')
  })

  it('takes the committed one of several writers of an element, and refuses it if two may have committed', () => {
    const retried = history([
      { steps: [append('x', 1)], status: 'fail' },
      { steps: [append('x', 1)] },
      { steps: [r('x', [1])] },
    ])
    expect(checkIsolation(retried, { model: 'list-append' }).verdict).toBe('ok')
    const twice = history([{ steps: [append('x', 1)], status: 'unknown' }, { steps: [append('x', 1)] }])
    expect(() => checkIsolation(twice, { model: 'list-append' })).toThrow(HistoryContentError)
    expect(() => checkIsolation(twice, { model: 'list-append' })).toThrow('1 is appended to x twice')
  })

  it('names what is wrong with a read by itself', () => {
    const check = (...txns: Txn[]): string[] =>
      names(checkIsolation(history(txns), { model: 'list-append', level: 'read-committed' }))
    expect(check({ steps: [r('x', [7])] })).toEqual(['thin-air-read'])
    expect(check({ steps: [append('x', 1)], status: 'fail' }, { steps: [r('x', [1])] })).toEqual(['G1a'])
    expect(check({ steps: [append('x', 1), append('x', 2)] }, { steps: [r('x', [1])] })).toEqual(['G1b'])
    expect(
      check(
        { steps: [append('x', 1)] },
        { steps: [append('x', 2)] },
        { steps: [r('x', [1])] },
        { steps: [r('x', [2])] },
      ),
    ).toEqual(['incompatible-order'])
    expect(check({ steps: [append('x', 1), append('x', 2)] }, { steps: [r('x', [2, 1])] })).toContain(
      'incompatible-order',
    )
    expect(check({ steps: [append('x', 1)] }, { steps: [r('x', [1, 1])] })).toEqual(['duplicate-elements'])
    expect(check({ steps: [r('x', [1]), append('x', 1)] })).toEqual(['future-read'])
  })

  it('takes one value per key that nobody wrote for its initial state, and a second one for thin air', () => {
    const check = (...steps: MicroOperation[][]): string =>
      checkIsolation(history(steps.map((of) => ({ steps: of }))), {
        model: 'rw-register',
        level: 'serializable',
      }).verdict
    expect(check([r('x', 5), w('x', 1)], [r('x', 5)])).toBe('ok')
    expect(check([r('x', 5)], [r('x', 6)])).toBe('violated')
    expect(check([r('x', 5)], [r('x', null)])).toBe('violated')
  })

  it('takes what the history says for the initial state', () => {
    const steps = [{ steps: [r('x', 5)] }]
    expect(checkIsolation(history(steps, { initial: 5 }), { model: 'rw-register' }).verdict).toBe('ok')
    expect(checkIsolation(history(steps, { initial: 0 }), { model: 'rw-register' }).verdict).toBe('violated')
  })

  it('finds a lost update of registers whatever the order of versions', () => {
    const result = checkIsolation(
      history([{ steps: [r('x', null), w('x', 1)] }, { steps: [r('x', null), w('x', 2)] }]),
      {
        model: 'rw-register',
        level: 'cursor-stability',
      },
    )
    expect(names(result)).toEqual(['lost-update'])
  })

  it('uses an order of versions that is assumed', () => {
    const txns = history([{ steps: [w('x', 1)] }, { steps: [w('x', 2)] }, { steps: [r('x', 1)] }], {
      sequential: true,
    })
    expect(checkIsolation(txns, { model: 'rw-register', level: 'serializable' }).verdict).toBe('ok')
    expect(checkIsolation(txns, { model: 'rw-register', anomalies: ['cyclic-versions'] }).verdict).toBe('ok')
    expect(
      names(
        checkIsolation(txns, { model: 'rw-register', level: 'serializable', assume: ['linearizable-keys'] }),
      ),
    ).toEqual(['cyclic-versions'])
  })

  it('includes the order of sessions where there is no real time, and cannot judge real time then', () => {
    const sessions = history(
      [
        { steps: [append('x', 1)], process: 1 },
        { steps: [r('x', [])], process: 1 },
      ],
      { realTime: false },
    )
    const plain = { model: 'list-append', level: 'serializable' } as const
    expect(names(checkIsolation(sessions, plain))).toEqual(['G-single-item-process'])
    expect(checkIsolation(sessions, { ...plain, sessionOrder: false }).verdict).toBe('ok')
    const fine = history([{ steps: [append('x', 1)] }, { steps: [r('x', [])] }], { realTime: false })
    expect(checkIsolation(fine, { ...plain, level: 'strict-serializable' })).toMatchObject({
      verdict: 'unknown',
      reason: 'the history has no real time, only an order within each process',
    })
  })

  it('answers unknown if a value was written twice and that matters', () => {
    const txns = history([{ steps: [w('x', 1)] }, { steps: [w('x', 1)] }, { steps: [r('x', 1)] }], {
      initial: null,
    })
    const result = checkIsolation(txns, { model: 'rw-register', level: 'repeatable-read' })
    expect(result.verdict === 'ok' || result.reason !== undefined).toBe(true)
  })

  it('answers unknown when its budget ends', () => {
    const txns = simulate(seeded(1), {
      model: 'list-append',
      level: 'stale',
      transactions: 200,
      maxSteps: 4,
      processes: 5,
      keys: ['x', 'y'],
    })
    expect(checkIsolation(txns, { model: 'list-append', maxBytes: 1_000 })).toMatchObject({
      verdict: 'unknown',
      violationCount: 0,
    })
    let now = 0
    const timed = checkIsolation(txns, {
      model: 'list-append',
      anomalies: ['G2-item'],
      maxTimeMs: 5,
      monotonic: () => (now += 10),
    })
    expect(timed).toMatchObject({ verdict: 'unknown' })
    expect(timed.reason).toContain('maxTimeMs')
  })

  it('tells no more violations than wanted, one of each name first, and counts all', () => {
    const txns = Array.from({ length: 20 }, (_, at) => ({
      steps: [r('x', [at + 100]), r('y', [at]), append('y', at)],
    }))
    const result = checkIsolation(history(txns), {
      model: 'list-append',
      level: 'serializable',
      maxViolations: 3,
    })
    expect(result.violations).toHaveLength(3)
    expect(new Set(names(result)).size).toBe(3)
    expect(result.violationCount).toBeGreaterThan(20)
  })

  it('refuses what it does not know', () => {
    const none = history([])
    expect(() => checkIsolation(none, { model: 'list-append', level: 'acid' })).toThrow(RangeError)
    expect(() => checkIsolation(none, { model: 'list-append', anomalies: ['G7'] })).toThrow(RangeError)
    expect(() => checkIsolation(none, { model: 'queue' as 'list-append' })).toThrow(RangeError)
    expect(() => checkIsolation(none, { model: 'rw-register', assume: ['luck' as 'wfr-keys'] })).toThrow(
      RangeError,
    )
    expect(() => checkIsolation(history([{ steps: [w('x', 1)] }]), { model: 'list-append' })).toThrow(
      HistoryContentError,
    )
    expect(() => checkIsolation(history([{ steps: [r('x', 1)] }]), { model: 'list-append' })).toThrow(
      'a read of list-append sees a list',
    )
    expect(checkIsolation(none, { model: 'list-append' }).verdict).toBe('ok')
  })

  it('takes single reads and writes for transactions of one step', () => {
    const one = (index: number, op: string, fields: Partial<Operation>): Operation => ({
      index,
      process: index,
      op,
      key: 'x',
      status: 'ok',
      start: 2 * index,
      end: 2 * index + 1,
      ...fields,
    })
    const operations = [one(0, 'write', { input: 1 }), one(1, 'read', { output: null })]
    const result = checkIsolation(
      { operations, faults: [], realTime: true, initial: null },
      { model: 'rw-register' },
    )
    expect(names(result)).toEqual(['G-single-item-realtime'])
  })
})

describe('levels', () => {
  it('a stronger level forbids all that a weaker one does', () => {
    const strict = lineage(levelOf('strict-serializable'))
    for (const level of allLevels()) {
      expect(lineage(level).has(levelOf('read-uncommitted')), level.name).toBe(true)
      expect(strict.has(level), level.name).toBe(true)
    }
  })

  it('has the names of the literature', () => {
    const same = {
      RC: 'read-committed',
      SI: 'snapshot-isolation',
      PC: 'prefix',
      CC: 'causal',
      'PL-2.99': 'repeatable-read',
    }
    for (const [alias, name] of Object.entries(same)) expect(levelOf(alias).name).toBe(name)
    expect(levelOf('strong-serializable').name).toBe('strict-serializable')
  })
})

describe('addFan()', () => {
  /** Who can be reached from a transaction by one rw edge. */
  function overwriters(graph: Graph, reader: number): number[] {
    const found = new Set<number>()
    const walk = (node: number): void => {
      for (let edge = graph.head[node]!; edge < graph.head[node + 1]!; edge++) {
        const to = graph.to[edge]!
        if (graph.kind[edge] !== (node === reader ? RW : FREE)) continue
        if (to < graph.real) found.add(to)
        else walk(to)
      }
    }
    walk(reader)
    return [...found].toSorted((a, b) => a - b)
  }

  it('leads from every reader to every other writer with a linear number of edges', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = seeded(seed)
      const size = 2 + Math.floor(random() * 60)
      const txns = readTransactions(
        history(Array.from({ length: size }, (_, at) => ({ steps: [append('x', at)] }))),
        'list-append',
      )
      const all = Array.from({ length: size }, (_, at) => at)
      const writers = all.filter(() => random() < 0.6)
      const readers = all.filter(() => random() < 0.6)
      const builder = new GraphBuilder(size)
      addFan(txns, readers, writers, builder)
      expect(builder.edges).toBeLessThanOrEqual(64 + 2 * readers.length + 4 * writers.length)
      const graph = builder.build()
      for (const reader of readers)
        expect(overwriters(graph, reader), `seed ${seed}`).toEqual(
          writers.filter((writer) => writer !== reader),
        )
    }
  })
})

describe('checkIsolation() of registers whose values are not unique', () => {
  it('a null that a transaction wrote itself is what it reads then', () => {
    const nulls = [{ steps: [w('x', 1)] }, { steps: [r('x', 1), w('x', null), r('x', null), w('x', 2)] }]
    const options = { model: 'rw-register', level: 'serializable' } as const
    expect(checkIsolation(history(nulls, { initial: null }), options).verdict).toBe('ok')
  })

  it('a value that a transaction writes, overwrites and writes again is its last', () => {
    const again = [{ steps: [w('x', 1), w('x', 2), w('x', 1)] }, { steps: [r('x', 1), w('x', 3)] }]
    const options = { model: 'rw-register', level: 'serializable', assume: ['wfr-keys'] } as const
    expect(checkIsolation(history(again, { initial: null }), options).verdict).toBe('ok')
  })

  it('of two writes of one value neither is forgotten, though nobody reads it', () => {
    const twice = [
      { steps: [w('x', 3), r('z', null), w('z', 2)] },
      { steps: [r('x', null), w('x', 3), r('x', 3), w('z', 1)] },
    ]
    for (const realTime of [true, false]) {
      const { verdict } = checkIsolation(history(twice, { initial: null, realTime }), {
        model: 'rw-register',
        level: 'serializable',
      })
      expect(verdict).toBe('violated')
    }
  })
})

describe('checkIsolation() of sessions without real time', () => {
  const ownWrite = history([{ steps: [w('y', 2), r('y', null)] }, { steps: [w('x', 1)] }], {
    realTime: false,
    initial: null,
  })
  const older = history([{ steps: [w('x', 1), w('y', 1)] }, { steps: [r('x', 1), r('y', null)] }], {
    realTime: false,
    initial: null,
  })
  const levels = ['read-committed', 'monotonic-view', 'cursor-stability']

  it.each(levels)(
    '%s includes that a transaction reads what it wrote, and nothing older than before',
    (level) => {
      for (const sessions of [ownWrite, older])
        for (const sessionOrder of [true, false]) {
          const result = checkIsolation(sessions, { model: 'rw-register', level, sessionOrder })
          expect(result.verdict).toBe('violated')
          expect(names(result)).not.toEqual([])
        }
    },
  )

  it('a plain level has no sessions if they are not to count', () => {
    const [first, second] = [{ steps: [r('x', 4), w('x', 1)] }, { steps: [w('x', 4)] }]
    const sessions = history(
      [
        { ...first, process: 0 },
        { ...second, process: 0 },
      ],
      { realTime: false, initial: null },
    )
    const options = { model: 'rw-register', level: 'read-committed' } as const
    expect(checkIsolation(sessions, options).verdict).toBe('violated')
    const plain = checkIsolation(sessions, { ...options, sessionOrder: false })
    expect(plain.verdict).toBe('ok')
    expect(plain.ruledOut).not.toContain('read-committed')
  })
})

describe('checkIsolation() of a transaction that completed without output', () => {
  const silent = (steps: MicroOperation[]): History => {
    const whole = history([{ steps }])
    return { ...whole, operations: whole.operations.map((one) => ({ ...one, output: undefined })) }
  }

  it.each(['read-committed', 'read-atomic', 'serializable'])('knows what it wrote at %s', (level) => {
    expect(checkIsolation(silent([w('x', 1)]), { model: 'rw-register', level }).verdict).toBe('ok')
    expect(checkIsolation(silent([append('x', 1)]), { model: 'list-append', level }).verdict).toBe('ok')
  })

  it('refuses to guess what it read', () => {
    for (const model of ['list-append', 'rw-register'] as const)
      expect(() => checkIsolation(silent([r('x', null)]), { model })).toThrow(
        'Cannot check operation #0: it completed and read, but its output does not say what',
      )
  })
})

describe('checkIsolation() of lists with many appends that nobody saw', () => {
  /** A circle of write skews; each reads from the one three places before it, and appends to a log that nobody reads. */
  function unseen(count: number): History {
    const txns = Array.from({ length: count }, (_, at): Txn => ({
      steps: [
        r(`x${at}`, []),
        append(`x${(at + 1) % count}`, at),
        ...(at === 0 ? [] : [r(`y${at}`, [(at - 3 + count) % count])]),
        append(`y${(at + 3) % count}`, at),
        append('log', at),
      ],
    }))
    return history(txns)
  }

  it.each([8, 20_000])('finds an order of %i of them that read committed allows', (count) => {
    const result = checkIsolation(unseen(count), { model: 'list-append', level: 'read-committed' })
    expect(result).toMatchObject({ verdict: 'ok', reason: undefined })
  })
})

describe('checkIsolation() names who saw what a violation rests on', () => {
  it.each(['ok', 'unknown'] as const)(
    'the reader who tells in which order two appends came (%s)',
    (status) => {
      const lost: Txn[] = [
        { steps: [r('x', []), append('x', 1)] },
        { steps: [append('x', 3)], status },
        { steps: [r('x', [3, 1])] },
      ]
      const { violations } = checkIsolation(history(lost), { model: 'list-append', level: 'SI' })
      expect(violations.map(({ name, operations }) => [name, operations])).toEqual([
        ['lost-update', [0, 1, 2]],
        ['G-single-item', [0, 1, 2]],
      ])
    },
  )

  it('the reader who saw the appends of one transaction in another order', () => {
    const turned = [{ steps: [append('x', 1), append('x', 2)] }, { steps: [r('x', [2, 1])] }]
    const { violations } = checkIsolation(history(turned), {
      model: 'list-append',
      level: 'read-uncommitted',
    })
    expect(violations).toMatchObject([
      {
        name: 'incompatible-order',
        operations: [0, 1],
        message: '#0 appended 1 to x before 2, and #1 saw it the other way round',
      },
    ])
  })
})

it('checkIsolation() gives all checks of all levels one budget', () => {
  const count = 40
  const txns = Array.from({ length: count }, (_, at): Txn => ({
    steps: [r(`x${at}`, null), w(`x${(at + 1) % count}`, at), w('hot', at)],
    process: at % 7,
  }))
  let now = 0
  const { verdict } = checkIsolation(history(txns, { initial: null, realTime: false }), {
    model: 'rw-register',
    level: ['update-atomic', 'consistent-view', 'SI', 'prefix', 'SER'],
    maxTimeMs: 200,
    monotonic: () => now++,
  })
  expect(verdict).toBe('violated')
  // Nobody looks at the clock much oftener than that once the time is over.
  expect(now).toBeLessThan(300)
})
