import { expect, test } from 'vitest'
import type { History } from '../history.ts'
import { checkLinearizable } from './check-linearizable.ts'
import { isLinearizableByBruteForce } from './testing/brute-force.ts'
import * as objects from './testing/objects.ts'
import { randomOf, type Shape, simulate, type Simulated } from './testing/random-histories.ts'

const SEEDS = 10_000
const FIRST_SEED = Number(process.env['QUORATE_SEED'] ?? 1)

const OBJECTS: readonly (readonly [string, Simulated<any>])[] = [
  ['register, few values', objects.registerObject('few')],
  ['register, unique values', objects.registerObject('unique')],
  ['casRegister, few values', objects.registerObject('few', true)],
  ['casRegister, unique values', objects.registerObject('unique', true)],
  ['multiRegister', objects.multiRegisterObject],
  ['counter that grows', objects.counterObject('grows')],
  ['counter', objects.counterObject('both')],
  ['set that grows', objects.setObject(false)],
  ['set', objects.setObject(true)],
  ['queue, few values', objects.queueObject('few')],
  ['queue, unique values', objects.queueObject('unique')],
  ['mutex', objects.mutexObject],
  ['fencedMutex', objects.fencedMutexObject],
  ['kv', objects.kvObject(false)],
  ['kv with cas', objects.kvObject(true)],
]

/** Valid, broken and random histories; few or many at once. */
function smallShape(seed: number): Shape {
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

function atSeed(seed: number, name: string): string {
  return `seed ${seed}; to repeat: QUORATE_SEED=${seed} vitest run --project unit packages/checker -t "${name}"`
}

test.each(OBJECTS)('checkLinearizable() answers as brute force does: %s', (name, object) => {
  let violated = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const history = simulate(object, smallShape(seed), seed)
    const expected = isLinearizableByBruteForce(history, object.model, object.perKey)
    for (const algorithm of ['auto', 'search'] as const) {
      const result = checkLinearizable(history, object.model, { algorithm, minimize: false })
      if (result.verdict === (expected ? 'ok' : 'violated')) continue
      expect.fail(`${algorithm} says ${result.verdict} at ${atSeed(seed, name)}\n${show(history)}`)
    }
    if (!expected) violated++
  }
  expect(violated).toBeGreaterThan(SEEDS / 20)
  expect(violated).toBeLessThan(SEEDS * 0.9)
})

function show(history: History): string {
  return history.operations
    .map(({ index, process, op, key, input, output, status, start, end }) =>
      [index, process, op, key, JSON.stringify(input), '->', JSON.stringify(output), status, start, end].join(
        ' ',
      ),
    )
    .join('\n')
}
