import { seededRandom } from '@quorate/core'
import { describe, expect, test } from 'vitest'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { sameValue } from '../value.ts'
import { randomHistory, type Step } from './histories.test-helper.ts'
import {
  checkBank,
  checkCausalReverse,
  checkConvergence,
  checkCounterBounds,
  checkExactlyOnce,
  checkLongFork,
  checkNoOversell,
  checkSet,
  checkSetFull,
  checkTotalQueue,
  checkUniqueIds,
  checkUnorderedQueue,
} from './index.ts'

const SEEDS = 10_000
const only = process.env['QUORATE_SEED']

/** What an invariant says, beside what its definition says when it is tried out word by word. */
interface Case {
  readonly name: string
  readonly check: (history: History) => CheckResult
  readonly brute: (history: History) => CheckResult['verdict']
  readonly step: (random: () => number, count: () => number) => Step
}

const ok = (history: History, op: string): Operation[] =>
  history.operations.filter((operation) => operation.op === op && operation.status === 'ok')
const possible = (history: History, op: string): Operation[] =>
  history.operations.filter((operation) => operation.op === op && operation.status !== 'fail')
const pick = <T>(random: () => number, ...from: readonly T[]): T =>
  from[Math.floor(random() * from.length)] as T
const some = <T>(random: () => number, from: readonly T[], chance = 0.7): T[] =>
  from.filter(() => random() < chance)
const verdictOf = (broken: boolean, told: boolean): CheckResult['verdict'] =>
  broken ? 'violated' : told ? 'ok' : 'unknown'

/** All sums that a subset of these amounts can have. */
function sums(amounts: readonly number[]): Set<number> {
  let all = new Set<number>([0])
  for (const amount of amounts) all = new Set([...all].flatMap((sum) => [sum, sum + amount]))
  return all
}

function possibleSums(
  changes: readonly (readonly [Operation, number])[],
  from: number,
  read: Operation,
): Set<number> {
  const certain = changes.filter(([{ status, end }]) => status === 'ok' && end < read.start)
  const optional = changes.filter(
    ([operation]) =>
      operation.status !== 'fail' &&
      operation.start < read.end &&
      !(operation.status === 'ok' && operation.end < read.start),
  )
  const base = certain.reduce((sum, [, by]) => sum + by, from)
  return new Set([...sums(optional.map(([, by]) => by))].map((sum) => base + sum))
}

const outOfRange = (seen: number, range: Set<number>): boolean =>
  seen < Math.min(...range) || seen > Math.max(...range)

/** Can every dequeue be given an enqueue of its own that began before it ended? */
function matchable(takes: readonly Operation[], puts: readonly Operation[]): boolean {
  const [take, ...rest] = takes
  if (take === undefined) return true
  return puts.some(
    (put, i) =>
      sameValue(put.input, take.output) && put.start < take.end && matchable(rest, puts.toSpliced(i, 1)),
  )
}

const cases: Case[] = [
  {
    name: 'unique ids',
    check: checkUniqueIds,
    step: (random) => ({ op: 'generate', output: pick<unknown>(random, 1, 2, 3, 4, 5, 6, 7, '7') }),
    brute: (history) => {
      const ids = ok(history, 'generate').map(({ output }) => output)
      return verdictOf(
        ids.some((id, i) => ids.some((other, j) => i < j && id === other)),
        ids.length > 0,
      )
    },
  },
  {
    name: 'set',
    check: checkSet,
    step: (random, count) => {
      const n = count()
      return n < 6 || random() < 0.5
        ? { op: 'add', input: n }
        : { op: 'read', output: some(random, [0, 1, 2, 3, 4, 5, 6, 7, 8].slice(0, n), 0.98) }
    },
    brute: (history) => {
      const read = ok(history, 'read').toSorted((a, b) => b.end - a.end)[0]
      if (read === undefined) return 'unknown'
      const seen = read.output as unknown[]
      const adds = history.operations.filter(({ op }) => op === 'add')
      const lost = adds.some(
        (add) => add.status === 'ok' && add.end < read.start && !seen.includes(add.input),
      )
      const strange = seen.some(
        (x) => !adds.some((add) => add.input === x && add.status !== 'fail' && add.start < read.end),
      )
      return verdictOf(lost || strange, true)
    },
  },
  {
    name: 'set, read all the time',
    check: checkSetFull,
    step: (random, count) =>
      random() < 0.5
        ? { op: 'add', input: 1 + (count() % 3) }
        : { op: 'read', output: some(random, [1, 2, 3].slice(0, count()), 0.8) },
    brute: (history) => {
      const reads = ok(history, 'read')
      const sees = (read: Operation, x: unknown): boolean => (read.output as unknown[]).includes(x)
      let [broken, stable] = [false, false]
      for (const x of [1, 2, 3]) {
        const adds = history.operations.filter(({ op, input }) => op === 'add' && input === x)
        const present = reads.filter((read) => sees(read, x))
        if (present.length > 0) {
          const early = present.some((read) => !adds.some(({ start }) => start < read.end))
          if (early || adds.every(({ status }) => status === 'fail')) broken = true
        }
        const known = [
          ...adds.filter(({ status }) => status === 'ok').map(({ end }) => end),
          ...(adds.length === 0
            ? []
            : present.filter(({ end }) => (adds[0]?.start ?? 0) < end).map(({ end }) => end)),
        ]
        const since = Math.min(Infinity, ...known)
        const lastSeen = Math.max(-1, ...present.map(({ start }) => start))
        if (reads.some((read) => !sees(read, x) && read.start > since && read.start > lastSeen)) broken = true
        else if (present.length > 0) stable = true
      }
      return verdictOf(broken, stable)
    },
  },
  {
    name: 'unordered queue',
    check: checkUnorderedQueue,
    step: (random) =>
      random() < 0.6
        ? { op: 'enqueue', input: pick(random, 1, 2) }
        : { op: 'dequeue', output: pick<number | null>(random, 1, 2, null) },
    brute: (history) => {
      const takes = ok(history, 'dequeue').filter(({ output }) => output !== null)
      return verdictOf(!matchable(takes, possible(history, 'enqueue')), true)
    },
  },
  {
    name: 'queue, drained',
    check: checkTotalQueue,
    step: (random) =>
      random() < 0.6
        ? { op: 'enqueue', input: pick(random, 1, 2) }
        : { op: 'dequeue', output: pick<number | null>(random, 1, 2, null) },
    brute: (history) => {
      // Every subset of the crashed enqueues may have happened, every crashed dequeue may have taken anything or nothing.
      const takes = ok(history, 'dequeue').map(({ output }) => output)
      const crashed = history.operations.filter(
        ({ op, status }) => op === 'dequeue' && status === 'unknown',
      ).length
      const count = (list: readonly unknown[], x: unknown): number => list.filter((y) => x === y).length
      const puts = possible(history, 'enqueue').map(({ input }) => input)
      const missingOf = (list: readonly Operation[]): number => {
        const sure = list.map(({ input }) => input)
        return [1, 2].reduce((sum, x) => sum + Math.max(0, count(sure, x) - count(takes, x)), 0)
      }
      const sure = ok(history, 'enqueue')
      // What was put in after the queue was last found empty may still be there.
      const empty = ok(history, 'dequeue').filter(({ output }) => output === null)
      const gone = missingOf(sure.filter(({ end }) => empty.some(({ start }) => end < start)))
      const extra = [1, 2].some((x) => count(takes, x) > count(puts, x))
      return verdictOf(extra || gone > crashed, missingOf(sure) === 0)
    },
  },
  {
    name: 'counter within bounds',
    check: checkCounterBounds,
    step: (random) =>
      random() < 0.6
        ? { op: 'add', input: pick(random, 1, 2, -1) }
        : { op: 'read', output: pick(random, 0, 1, 2, 3) },
    brute: (history) => {
      const adds = history.operations
        .filter(({ op }) => op === 'add')
        .map((operation) => [operation, operation.input as number] as const)
      const reads = ok(history, 'read')
      return verdictOf(
        reads.some((read) => outOfRange(read.output as number, possibleSums(adds, 0, read))),
        reads.length > 0,
      )
    },
  },
  {
    name: 'no oversell',
    check: (history) => checkNoOversell(history, { stock: 3 }),
    step: (random) =>
      pick<Step>(
        random,
        { op: 'take', input: pick(random, 1, 2), output: random() < 0.2 ? false : undefined },
        { op: 'take' },
        { op: 'restock', input: 1 },
        { op: 'read', output: pick(random, 0, 1, 2, 3, -1) },
      ),
    brute: (history) => {
      const units = ({ input }: Operation): number => (input as number | undefined) ?? 1
      const took = (operation: Operation): boolean => operation.op === 'take' && operation.output !== false
      const granted = ok(history, 'take').filter(took)
      const oversold = granted.some((last) => {
        const given = granted.filter(({ end }) => end <= last.end).reduce((sum, take) => sum + units(take), 0)
        const added = possible(history, 'restock').filter(({ start }) => start < last.end)
        return given > 3 + added.reduce((sum, restock) => sum + units(restock), 0)
      })
      const changes = history.operations
        .filter((operation) => operation.op === 'restock' || took(operation))
        .map((operation) => [operation, (operation.op === 'take' ? -1 : 1) * units(operation)] as const)
      const wrong = ok(history, 'read').some(
        (read) =>
          (read.output as number) < 0 || outOfRange(read.output as number, possibleSums(changes, 3, read)),
      )
      return verdictOf(oversold || wrong, history.operations.length > 0)
    },
  },
  {
    name: 'bank',
    check: (history) => checkBank(history, { total: 10, accounts: ['a', 'b'] }),
    step: (random) =>
      random() < 0.4
        ? { op: 'transfer' }
        : {
            op: 'read',
            output: pick<unknown>(
              random,
              { a: 5, b: 5 },
              [
                ['b', 9],
                ['a', 1],
              ],
              { b: 10, a: 0 },
              pick(random, { a: -1, b: 11 }, { a: 4, b: 5 }, { a: 10 }, { a: 5, b: 5 }),
            ),
          },
    brute: (history) => {
      const reads = ok(history, 'read').map(
        ({ output }) =>
          new Map(
            Array.isArray(output)
              ? (output as [string, number][])
              : Object.entries(output as Record<string, number>),
          ),
      )
      const fine = reads.every((read) => {
        const [a, b] = [read.get('a'), read.get('b')]
        return read.size === 2 && a !== undefined && b !== undefined && a >= 0 && b >= 0 && a + b === 10
      })
      return verdictOf(!fine, reads.length > 0)
    },
  },
  {
    name: 'no long fork',
    check: checkLongFork,
    step: (random) => ({
      op: 'read',
      output: some(random, ['x', 'y', 'z']).map((key) => ['r', key, random() < 0.7 ? 1 : null]),
    }),
    brute: (history) => {
      const reads = ok(history, 'read')
        .map(
          ({ output }) =>
            new Map((output as [string, string, unknown][]).map(([, key, value]) => [key, value])),
        )
        .filter(({ size }) => size > 0)
      const ahead = (one: Map<string, unknown>, other: Map<string, unknown>): boolean =>
        [...one].some(([key, value]) => value !== null && other.get(key) === null)
      const forked = reads.some((one) => reads.some((other) => ahead(one, other) && ahead(other, one)))
      return verdictOf(forked, reads.length > 1)
    },
  },
  {
    name: 'no causal reverse',
    check: checkCausalReverse,
    step: (random, count) => {
      const n = count()
      return n < 3 || random() < 0.5
        ? { op: 'write', input: n }
        : { op: 'read', output: some(random, [0, 1, 2, 3, 4, 5, 6, 7, 8].slice(0, Math.ceil(n / 2))) }
    },
    brute: (history) => {
      const writes = history.operations.filter(({ op }) => op === 'write')
      const reads = ok(history, 'read')
      const broken = reads.some(({ output, end }) => {
        const seen = output as unknown[]
        const strange = seen.some(
          (x) => !writes.some(({ input, status, start }) => input === x && status !== 'fail' && start < end),
        )
        return (
          strange ||
          writes.some((first) =>
            writes.some(
              (second) =>
                first.status === 'ok' &&
                first.end < second.start &&
                seen.includes(second.input) &&
                !seen.includes(first.input),
            ),
          )
        )
      })
      return verdictOf(broken, reads.length > 0)
    },
  },
  {
    name: 'convergence',
    check: checkConvergence,
    step: (random) =>
      random() < 0.3
        ? { op: 'write', input: 1 }
        : { op: random() < 0.3 ? 'final-read' : 'read', output: pick(random, 1, 1, 1, 2) },
    brute: (history) => {
      const differ = (reads: readonly Operation[]): boolean =>
        reads.some((one) => reads.some((other) => one.output !== other.output))
      const final = ok(history, 'final-read')
      if (final.length > 0) return verdictOf(differ(final), final.length > 1)
      const writes = history.operations.filter(({ op }) => op === 'write')
      const quiet = ok(history, 'read').filter((read) =>
        writes.every(({ status, end }) => status !== 'ok' || end < read.start),
      )
      const last = quiet.filter(
        (read) => !quiet.some((other) => other.process === read.process && other.start > read.start),
      )
      return verdictOf(false, last.length > 1 && !differ(last)) // that they differ may be lag
    },
  },
  {
    name: 'exactly-once effects',
    check: checkExactlyOnce,
    step: (random) => {
      const draw = random()
      const key = pick(random, 'a', 'b', 'c')
      if (draw < 0.5) return { op: 'request', key }
      return draw < 0.7 ? { op: 'effect', key } : { op: 'read', output: some(random, ['a', 'b', 'c', 'a']) }
    },
    brute: (history) => {
      const ledger = ok(history, 'read').toSorted((a, b) => b.end - a.end)[0]
      const effects =
        ledger === undefined ? ok(history, 'effect').map(({ key }) => key) : (ledger.output as string[])
      let [broken, open, requested] = [false, false, false]
      for (const id of ['a', 'b', 'c']) {
        const attempts = history.operations.filter(({ op, key }) => op === 'request' && key === id)
        const count = effects.filter((effect) => effect === id).length
        requested ||= attempts.length > 0
        const shown = ledger ?? ok(history, 'effect').find(({ key }) => key === id)
        const causes = attempts.filter(({ status, start }) => status !== 'fail' && start < (shown?.end ?? 0))
        if (count > 1 || (count > 0 && causes.length === 0)) broken = true
        const crashed = history.operations.some(
          ({ op, key, status }) => op === 'effect' && key === id && status === 'unknown',
        )
        if (ledger === undefined && count === 1 && crashed) open = true
        const answered = attempts.filter(({ status }) => status === 'ok')
        if (count > 0 || answered.length === 0) continue
        if (ledger !== undefined && answered.some(({ end }) => end < ledger.start)) broken = true
        else open = true
      }
      return verdictOf(broken, requested && !open)
    },
  },
]

describe.each(cases)('$name', ({ name, check, brute, step }) => {
  test(`says what its definition says, on ${SEEDS} random histories`, () => {
    const verdicts = { ok: 0, violated: 0, unknown: 0 }
    const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, i) => `${name}/${i}`) : [only]
    for (const seed of seeds) {
      const random = seededRandom(seed)
      let counted = 0
      const history = randomHistory(random, 1 + Math.floor(random() * 9), () => step(random, () => counted++))
      const expected = brute(history)
      const { verdict, violations } = check(history)
      if (verdict !== expected) {
        const repeat = `QUORATE_SEED='${seed}' npm run unit -- packages/checker/src/invariants -t '${name}'`
        throw new Error(
          `${verdict}, by definition ${expected}; ${repeat}\n${JSON.stringify(violations)}\n${JSON.stringify(history.operations)}`,
        )
      }
      verdicts[verdict]++
    }
    if (only !== undefined) return
    expect(verdicts.ok).toBeGreaterThan(SEEDS / 20)
    expect(verdicts.violated).toBeGreaterThan(SEEDS / 20)
  })
})
