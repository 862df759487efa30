import { expect, test } from 'vitest'
import type { History } from '../history.ts'
import { growthOf, MOST_IF_LINEAR } from '../testing/growth.ts'
import { checkLinearizable } from './check-linearizable.ts'
import { Meter } from './meter.ts'
import { queue } from './models/queue.ts'
import { type Part, partsOf } from './part.ts'
import { type Problem, problemOf, wholeOf } from './problem.ts'
import { search } from './search.ts'
import { isLinearizableByBruteForce, isProof } from './testing/brute-force.ts'
import { FIRST_SEED, narrowShape, smallShape } from './testing/compare.test-helper.ts'
import { queueObject } from './testing/objects.ts'
import { randomOf, type Shape, simulate } from './testing/random-histories.ts'
import { decideUniqueElements } from './unique-elements.ts'

const INITIAL = [['x', 'y'], [], []] as const
const ELEMENTS = ['unique', 'few'] as const

/**
 * Enqueues and dequeues of which some are unknown, empty queues and full ones; a third of the histories have two
 * answers of dequeues swapped, a tenth has dequeues that succeeded without an answer.
 */
function historyAt(seed: number, elements: 'few' | 'unique', shape: Shape): History {
  const random = randomOf(seed * 31)
  const initial = INITIAL[seed % 3]!
  const history = simulate(queueObject(elements, initial), shape, seed)
  const forgets = random() < 0.1
  const operations = history.operations.map((operation) =>
    forgets && operation.op === 'dequeue' && operation.status === 'ok' && random() < 0.3
      ? { ...operation, output: undefined }
      : operation,
  )
  const broken = { ...history, operations, initial }
  return random() < 0.33 ? swapped(broken, random(), random()) : broken
}

/** Two dequeues that completed change their answers; `one` and `two` from 0 to 1. */
function swapped(history: History, one: number, two: number): History {
  const dequeues = history.operations.filter(({ op, status }) => op === 'dequeue' && status === 'ok')
  const a = dequeues[Math.floor(one * dequeues.length)]
  const b = dequeues[Math.floor(two * dequeues.length)]
  if (a === undefined || b === undefined) return history
  const operations = history.operations.with(a.index, { ...a, output: b.output })
  return {
    ...history,
    operations: a === b ? operations : operations.with(b.index, { ...b, output: a.output }),
  }
}

const partOf = (history: History): Part<readonly unknown[]> | undefined =>
  partsOf(history, queue(), () => undefined, history.initial)[0]

/** Is an element put in twice, by what began before all was over? */
function isRepeated({ operations, initial }: History): boolean {
  const last = Math.max(...operations.filter(({ status }) => status === 'ok').map(({ end }) => end))
  const put = operations.filter(
    ({ op, status, start }) => op === 'enqueue' && status !== 'fail' && start < last,
  )
  const elements = [...(initial as unknown[]), ...put.map(({ input }) => input)]
  return new Set(elements).size < elements.length
}

const isUnanswered = ({ operations }: History): boolean =>
  operations.some(({ op, status, output }) => op === 'dequeue' && status === 'ok' && output === undefined)

const hint = (seed: number): string =>
  `seed ${seed}; to repeat: QUORATE_SEED=${seed} vitest run --project unit packages/checker/src/linearizability/queue`

type Outcome = 'ok' | 'violated' | 'unknown' | 'undecided' | 'repeated' | 'unanswered'

/** What the decision says of a small history, after a comparison with brute force. */
function judgedByBruteForce(seed: number): Outcome {
  const history = historyAt(seed, ELEMENTS[Number(seed % 10 === 0)]!, smallShape(seed))
  const part = partOf(history)
  if (part === undefined) return 'ok'
  const decision = decideUniqueElements(part, wholeOf(part))
  if (isRepeated(history)) {
    if (decision !== undefined) throw new Error(`decided although elements repeat at ${hint(seed)}`)
    return 'repeated'
  }
  if (decision === undefined) return isUnanswered(history) ? 'unanswered' : 'undecided'
  const expected = isLinearizableByBruteForce(history, queue()) ? 'ok' : 'violated'
  if (decision.verdict !== expected)
    throw new Error(`${decision.verdict} instead of ${expected} at ${hint(seed)}`)
  const witness = decision.order.map((place) => part.operations[place]!.index)
  if (expected === 'ok' && !isProof(history, queue(), witness)) throw new Error(`no proof at ${hint(seed)}`)
  return expected
}

/** The same for a part of a history, with operations forgotten, and the search. */
function judgedBySearch(seed: number): Outcome {
  const random = randomOf(seed * 17)
  const part = partOf(historyAt(seed, 'unique', smallShape(seed)))
  if (part === undefined) return 'ok'
  const share = random() * 0.7
  const forgotten = Uint8Array.from(part.operations, () => (random() < share ? 1 : 0))
  const problem = problemOf(part, Math.floor(random() * (part.byEnd.length + 1)) - 1, forgotten)
  return sameAsSearch(part, problem, seed)
}

/** The same for a longer history. */
function judgedAtLength(seed: number): Outcome {
  const part = partOf(historyAt(seed, 'unique', { ...narrowShape(seed), operations: 20 + (seed % 41) }))!
  return sameAsSearch(part, wholeOf(part), seed)
}

function sameAsSearch(part: Part<readonly unknown[]>, problem: Problem, seed: number): Outcome {
  const decision = decideUniqueElements(part, problem)
  if (decision === undefined) return 'undecided'
  const { verdict } = search(part, problem, new Meter({ maxTimeMs: 2_000 }))
  if (verdict !== 'unknown' && decision.verdict !== verdict)
    throw new Error(`${decision.verdict} instead of ${verdict} at ${hint(seed)}`)
  return verdict
}

function counted(seeds: number, judge: (seed: number) => Outcome): Readonly<Record<Outcome, number>> {
  const counts = { ok: 0, violated: 0, unknown: 0, undecided: 0, repeated: 0, unanswered: 0 }
  for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed++) counts[judge(seed)]++
  return counts
}

test('a queue is decided as brute force does, nearly always, unless elements repeat', () => {
  const counts = counted(15_000, judgedByBruteForce)
  expect(counts.ok).toBeGreaterThan(5_000)
  expect(counts.violated).toBeGreaterThan(3_000)
  expect(counts.repeated).toBeGreaterThan(500)
  expect(counts.undecided).toBeLessThan(50)
}, 60_000)

test('a queue that is cut, with operations forgotten, is decided as the search does', () => {
  const counts = counted(15_000, judgedBySearch)
  expect(counts.ok).toBeGreaterThan(5_000)
  expect(counts.violated).toBeGreaterThan(1_000)
  expect(counts.undecided).toBeLessThan(600)
}, 60_000)

test('a queue is decided as the search does, on 20 to 60 operations', () => {
  const counts = counted(80, judgedAtLength)
  expect(counts.ok).toBeGreaterThan(25)
  expect(counts.violated).toBeGreaterThan(10)
  expect(counts.undecided).toBeLessThan(20)
}, 60_000)

test.each([0, 0.002])('operations of 10 clients take linear time up to 50,000, %f unknown', (unknown) => {
  const historyOf = (operations: number): History =>
    simulate(queueObject('unique'), { operations, processes: 10, unknown, fail: 0.01, wrong: 0 }, FIRST_SEED)
  const check = (of: History): void => expect(checkLinearizable(of, queue()).verdict).toBe('ok')
  const history = historyOf(50_000)
  expect(isProof(history, queue(), checkLinearizable(history, queue()).witness ?? [])).toBe(true)
  expect(growthOf(3_125, historyOf, check)).toBeLessThan(MOST_IF_LINEAR)
})

test('one swapped pair of 25,000 is found and explained', () => {
  const shape = { operations: 50_000, processes: 10, unknown: 0, fail: 0, wrong: 0 }
  const history = swapped(simulate(queueObject('unique'), shape, FIRST_SEED), 0.7, 0.7005)
  const { verdict, counterexample } = checkLinearizable(history, queue())
  expect(verdict).toBe('violated')
  const { firstBad, minimal, isMinimal, longestPrefix } = counterexample!
  expect(isMinimal).toBe(true)
  expect(minimal).toContain(firstBad)
  expect(minimal.length).toBeLessThan(5)
  const { end } = history.operations[firstBad]!
  const placed = new Set(longestPrefix)
  expect(history.operations.filter(({ index, end: over }) => over < end && !placed.has(index))).toEqual([])
})
