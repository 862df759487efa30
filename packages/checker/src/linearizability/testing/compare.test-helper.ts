import { expect } from 'vitest'
import type { History } from '../../history.ts'
import type { Counterexample } from '../../result.ts'
import { isCountable } from '../balance.ts'
import { checkLinearizable } from '../check-linearizable.ts'
import { Meter } from '../meter.ts'
import type { Model } from '../model.ts'
import { partsOf } from '../part.ts'
import { wholeOf } from '../problem.ts'
import { search } from '../search.ts'
import { historyUntil, isLegal, isLinearizableByBruteForce, isProof } from './brute-force.ts'
import { randomOf, type Shape, simulate, type Simulated } from './random-histories.ts'

export const FIRST_SEED: number = Number(process.env['QUORATE_SEED'] ?? 1)

/** Valid, broken and random histories of at most 9 operations; few or many at once. */
export function smallShape(seed: number): Shape {
  const random = randomOf(seed * 7919)
  return {
    operations: 1 + Math.floor(random() * 9),
    processes: 1 + Math.floor(random() * 5),
    unknown: random() < 0.5 ? 0.25 : 0,
    fail: 0.05,
    wrong: [0, 0, 0.2, 1][Math.floor(random() * 4)]!,
    ending: random() < 0.3 ? 0.05 : 0.3,
  }
}

/** Histories of 50 to 200 operations, half of them with a few wrong answers. */
export function mediumShape(seed: number): Shape {
  const random = randomOf(seed * 104_729)
  return {
    operations: 50 + Math.floor(random() * 150),
    processes: 2 + Math.floor(random() * 6),
    unknown: random() < 0.5 ? 0.03 : 0,
    fail: 0.03,
    wrong: random() < 0.5 ? 0.01 : 0,
    ending: random() < 0.3 ? 0.1 : 0.3,
  }
}

/** A queue tells the order of what is put in only when it comes out: few at once, or a search takes for ever. */
export function narrowShape(seed: number): Shape {
  const shape = mediumShape(seed)
  return { ...shape, operations: Math.min(80, shape.operations), processes: 2 + (seed % 2), ending: 0.3 }
}

/** All ways to decide it give this verdict. */
function verdictsOf<S>(history: History, model: Model<S>): string[] {
  const verdicts = (['auto', 'search'] as const).map(
    (algorithm) => checkLinearizable(history, model, { algorithm, minimize: false }).verdict,
  )
  const parts = partsOf(history, model, model.partition?.bind(model), model.initial ?? history.initial)
  if (!parts.every(isCountable)) return verdicts
  const foreseen = parts.map(
    (part) => search(part, wholeOf(part), new Meter({}), { hasForesight: true }).verdict,
  )
  return [...verdicts, foreseen.includes('violated') ? 'violated' : 'ok']
}

/** Compares with brute force, for so many seeds. @returns the number of histories that are not linearizable. */
export function compareWithBruteForce<S>(name: string, object: Simulated<S>, seeds: number): number {
  let violated = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed++) {
    const history = simulate(object, smallShape(seed), seed)
    const expected = isLinearizableByBruteForce(history, object.model, object.perKey) ? 'ok' : 'violated'
    const verdicts = verdictsOf(history, object.model)
    if (verdicts.some((verdict) => verdict !== expected))
      expect.fail(`${verdicts.join()} instead of ${expected} at ${atSeed(seed, name)}\n${inLines(history)}`)
    if (expected === 'violated') violated++
  }
  return violated
}

/** Compares all ways to decide, and checks the witness. @returns the number of histories that are not linearizable. */
export function compareWaysToDecide<S>(
  name: string,
  object: Simulated<S>,
  seeds: number,
  shapeOf: (seed: number) => Shape = mediumShape,
): number {
  let violated = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed++) {
    const shape = shapeOf(seed)
    const history = simulate(object, shape, seed)
    const verdicts = new Set(verdictsOf(history, object.model))
    if (shape.wrong === 0) verdicts.add('ok')
    if (verdicts.size !== 1) expect.fail(`${[...verdicts].join()} at ${atSeed(seed, name)}`)
    if (verdicts.has('violated')) violated++
    else if (object.perKey !== true) {
      const { witness } = checkLinearizable(history, object.model, { partition: () => undefined })
      if (!isProof(history, object.model, witness ?? [])) expect.fail(`no proof at ${atSeed(seed, name)}`)
    }
  }
  return violated
}

/** Checks counterexamples by brute force. @returns how many there were. */
export function compareCounterexamples<S>(name: string, object: Simulated<S>, seeds: number): number {
  let violated = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed++) {
    const history = simulate(object, smallShape(seed), seed)
    const algorithm = seed % 2 === 0 ? 'auto' : 'search'
    const { counterexample, verdict } = checkLinearizable(history, object.model, {
      algorithm,
      ...(object.perKey === true ? {} : { partition: () => undefined }),
    })
    if (verdict !== 'violated') continue
    violated++
    const wrong = counterexample === undefined ? 'missing' : faultOf(history, object, counterexample)
    if (wrong !== undefined)
      expect.fail(`${wrong} at ${atSeed(seed, name)}\n${inLines(history)}\n${JSON.stringify(counterexample)}`)
  }
  return violated
}

/** What is wrong with a counterexample, if anything. */
function faultOf<S>(
  whole: History,
  { model, perKey }: Simulated<S>,
  { firstBad, longestPrefix, minimal, isMinimal, key }: Counterexample,
): string | undefined {
  const ofKey = whole.operations.filter((operation) => perKey !== true || operation.key === key)
  const isLegalUntil = (moment: number): boolean => {
    const { history, open } = historyUntil({ ...whole, operations: ofKey }, moment)
    return isLinearizableByBruteForce(history, model, false, open)
  }
  const { end } = whole.operations[firstBad]!
  if (isLegalUntil(end)) return 'firstBad can be placed'
  if (!isLegalUntil(end - 1)) return 'firstBad is not the first'
  if (!isLegal(whole, model, longestPrefix)) return 'longestPrefix is not legal'
  const placed = new Set(longestPrefix)
  if (
    ofKey.some(
      ({ status, index, end: over, output, op }) =>
        status === 'ok' && over < end && !placed.has(index) && !(op === 'read' && output === undefined),
    )
  )
    return 'longestPrefix leaves out what completed before'
  if (!isMinimal || !minimal.includes(firstBad)) return 'not minimal'
  const { history: seen } = historyUntil({ ...whole, operations: ofKey }, end)
  const without = (kept: readonly number[]): boolean =>
    isLinearizableByBruteForce(
      seen,
      model,
      false,
      new Set(seen.operations.map(({ index }) => index).filter((index) => !kept.includes(index))),
    )
  if (without(minimal)) return 'minimal is no contradiction'
  const alone = seen.operations.filter(({ index }) => minimal.includes(index))
  if (isLinearizableByBruteForce({ operations: alone, initial: whole.initial }, model))
    return 'minimal alone is linearizable'
  if (!minimal.every((index) => without(minimal.filter((other) => other !== index))))
    return 'minimal is too large'
  return undefined
}

function atSeed(seed: number, name: string): string {
  return `seed ${seed}; to repeat: QUORATE_SEED=${seed} vitest run --project unit packages/checker/src/linearizability -t "${name}"`
}

function inLines(history: History): string {
  return history.operations
    .map(({ index, process, op, key, input, output, status, start, end }) =>
      [index, process, op, key, JSON.stringify(input), '->', JSON.stringify(output), status, start, end].join(
        ' ',
      ),
    )
    .join('\n')
}
