import { expect, test } from 'vitest'
import fc from 'fast-check'
import type { SagaFailure } from './failure.ts'
import type { LogRecord } from './log.ts'
import {
  type Decision,
  type Event,
  fold,
  initialState,
  type Plan,
  type PlanStep,
  type SagaState,
  step,
} from './protocol.ts'

const failure: SagaFailure = { step: 's', during: 'run', name: 'Error', message: 'no', attempts: 1 }

/** What the world does next: each number decides one thing, so that fast-check can shrink a history. */
type Move = 'succeed' | 'fail' | 'fail for good' | 'crash' | 'due' | 'signal'
const move = fc.constantFrom<Move>(
  'succeed',
  'succeed',
  'succeed',
  'fail',
  'fail for good',
  'crash',
  'due',
  'signal',
)

const plan: fc.Arbitrary<Plan> = fc
  .array(
    fc.record({
      kind: fc.constantFrom<PlanStep['kind']>('step', 'step', 'step', 'tx', 'wait', 'sleep', 'pivot'),
      compensates: fc.boolean(),
      attempts: fc.integer({ min: 1, max: 3 }),
      undoAttempts: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 7 },
  )
  .map((steps) =>
    steps.map((at, index) => ({
      ...at,
      name: `s${index}`,
      waitMs: 10,
      compensates: at.compensates && (at.kind === 'step' || at.kind === 'tx'),
    })),
  )

interface History {
  readonly log: readonly LogRecord[]
  /** Names of the calls of `run` and of `compensate`, in order. */
  readonly calls: readonly string[]
  readonly state: SagaState
  /** Calls of `.step` that came before their intent. */
  readonly unrecorded: readonly string[]
}

/** Plays the engine: commits the records, carries out the effect, and crashes where it is told to. */
function play(steps: Plan, moves: readonly Move[]): History {
  const log: LogRecord[] = []
  const calls: string[] = []
  const unrecorded: string[] = []
  let signals = 0
  let decision: Decision = step(steps, initialState, { type: 'resumed', dueInMs: undefined })
  for (const next of [...moves, ...Array<Move>(60).fill('succeed')]) {
    // A crash before the commit forgets the decision; after it, only the effect.
    if (next === 'crash' && log.length % 2 === 0) {
      decision = resume(steps, log)
      continue
    }
    log.push(...decision.records)
    const { state, effect } = decision
    expect(
      log.reduce<SagaState>((folded, record) => fold(steps, folded, record), initialState).phase,
    ).toEqual(state.phase)
    if (effect.type === 'end') break
    const called = effect.type === 'run' ? steps[effect.index] : undefined
    if (called?.kind === 'step' && !startedIn(log).includes(called.name)) unrecorded.push(called.name)
    if (next === 'crash') {
      decision = resume(steps, log)
      continue
    }
    decision = step(
      steps,
      state,
      eventOf(next, decision, steps, calls, () => ++signals),
    )
  }
  return { log, calls, state: decision.state, unrecorded }
}

function resume(steps: Plan, log: readonly LogRecord[]): Decision {
  const state = log.reduce<SagaState>((folded, record) => fold(steps, folded, record), initialState)
  return step(steps, state, { type: 'resumed', dueInMs: undefined })
}

function eventOf(
  next: Move,
  { effect }: Decision,
  steps: Plan,
  calls: string[],
  number: () => number,
): Event {
  if (effect.type === 'wait') {
    if (effect.signal === undefined || next === 'due') return { type: 'due' }
    return { type: 'arrived', signals: [{ seq: number(), name: effect.signal, payload: 1 }] }
  }
  if (effect.type === 'end') throw new Error('nothing follows the end')
  const index = effect.type === 'run' ? effect.index : effect.entry.index
  calls.push(`${effect.type} ${steps[index]?.name}`)
  if (next === 'fail' || next === 'fail for good') {
    return { type: 'failed', failure, final: next === 'fail for good', retryInMs: 5 }
  }
  return { type: 'succeeded', result: index }
}

const histories = fc.tuple(plan, fc.array(move, { maxLength: 40, size: 'max' }))

/** Steps in the order in which the log first names them as started or done. */
const startedIn = (log: readonly LogRecord[]): string[] => [
  ...new Set(
    log.flatMap((record) => (record.type === 'started' || record.type === 'done' ? [record.step] : [])),
  ),
]

/** What a history says, and what it should say. */
type Law = (steps: Plan, history: History) => readonly [actual: unknown, expected: unknown]

const laws: readonly (readonly [string, Law])[] = [
  [
    'compensations are exactly the started steps that have one, last first',
    (steps, { log }) => {
      const undone = log.flatMap((record) => (record.type === 'undone' ? [record.step] : []))
      const compensable = startedIn(log)
        .filter((name) => steps.some((at) => at.name === name && at.compensates))
        .toReversed()
      const end = log.at(-1)
      const status = end?.type === 'ended' ? end.status : 'needs-attention'
      // One that needs attention has undone a part, from the end.
      const expected = {
        completed: [],
        compensated: compensable,
        'needs-attention': compensable.slice(0, undone.length),
      }
      return [undone, expected[status]]
    },
  ],
  [
    'a saga ends once: never both completed and compensated',
    (_steps, { log }) => [
      log.filter(({ type }) => type === 'ended' || type === 'needs-attention'),
      [log.at(-1)],
    ],
  ],
  [
    'nothing follows the end',
    (steps, { state }) => [step(steps, state, { type: 'resumed', dueInMs: undefined }).records, []],
  ],
  [
    'no step runs after compensation began',
    (_steps, { calls }) => {
      const turned = calls.findIndex((call) => call.startsWith('undo'))
      return [turned < 0 ? [] : calls.slice(turned).filter((call) => call.startsWith('run')), []]
    },
  ],
  [
    'once a step past a pivot was started nothing is undone',
    (steps, { calls, log }) => {
      const pivot = steps.findIndex(({ kind }) => kind === 'pivot')
      const past = pivot < 0 ? [] : steps.slice(pivot + 1).map(({ name }) => name)
      const isPast = startedIn(log).some((name) => past.includes(name))
      return [isPast ? calls.filter((call) => call.startsWith('undo')) : [], []]
    },
  ],
  [
    'the intent of a step with effects outside is on record before its first call',
    (_steps, { unrecorded }) => [unrecorded, []],
  ],
]

test.each(laws)('%s', (_name, law) => {
  // fast-check prints the seed and the shrunk history of a failure.
  const property = fc.property(histories, ([steps, moves]) => {
    const [actual, expected] = law(steps, play(steps, moves))
    expect(actual).toEqual(expected)
  })
  fc.assert(property, { numRuns: 2_000 })
})
