import { expect, test } from 'vitest'
import {
  compareCounterexamples,
  compareWaysToDecide,
  compareWithBruteForce,
  mediumShape,
  narrowShape,
} from './testing/compare.test-helper.ts'
import * as objects from './testing/objects.ts'
import type { Simulated } from './testing/random-histories.ts'

const OBJECTS: readonly (readonly [string, Simulated<any>])[] = [
  ['counter that grows', objects.counterObject('grows')],
  ['counter', objects.counterObject('both')],
  ['set that grows', objects.setObject(false)],
  ['set', objects.setObject(true)],
  ['queue, few values', objects.queueObject('few')],
  ['queue, unique values', objects.queueObject('unique')],
  ['mutex', objects.mutexObject],
  ['fencedMutex', objects.fencedMutexObject],
]

test.each(OBJECTS)(
  'checkLinearizable() answers as brute force does: %s',
  (name, object) => {
    const violated = compareWithBruteForce(name, object, 10_000)
    expect(violated).toBeGreaterThan(1_000)
    expect(violated).toBeLessThan(8_500)
  },
  60_000,
)

test.each(OBJECTS)(
  'checkLinearizable() finds what brute force finds: first bad, smallest set: %s',
  (name, object) => {
    expect(compareCounterexamples(name, object, 500)).toBeGreaterThan(50)
  },
)

test.each(OBJECTS)(
  'all ways to decide agree on 50 to 200 operations (queues: 80), with a witness: %s',
  (name, object) => {
    expect(
      compareWaysToDecide(name, object, 60, name.startsWith('queue') ? narrowShape : mediumShape),
    ).toBeGreaterThan(5)
  },
  60_000,
)
