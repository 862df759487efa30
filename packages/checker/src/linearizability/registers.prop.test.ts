import { expect, test } from 'vitest'
import {
  compareCounterexamples,
  compareWaysToDecide,
  compareWithBruteForce,
} from './testing/compare.test-helper.ts'
import * as objects from './testing/objects.ts'
import type { Simulated } from './testing/random-histories.ts'

const OBJECTS: readonly (readonly [string, Simulated<any>])[] = [
  ['register, few values', objects.registerObject('few')],
  ['register, unique values', objects.registerObject('unique')],
  ['casRegister, few values', objects.registerObject('few', true)],
  ['casRegister, unique values', objects.registerObject('unique', true)],
  ['kv', objects.kvObject(false)],
  ['kv with cas', objects.kvObject(true)],
  ['multiRegister', objects.multiRegisterObject],
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
  'all ways to decide agree on 50 to 200 operations, with a witness: %s',
  (name, object) => {
    expect(compareWaysToDecide(name, object, 60)).toBeGreaterThan(5)
  },
  60_000,
)
