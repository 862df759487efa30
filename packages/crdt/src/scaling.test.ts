// What edits, merges, deltas and bytes cost as a state grows fourfold, in steps and not in time: 15 types, each with
// so many elements, keys or characters, or so many replicas. See ../test/scaling-process.ts for what a step is.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Operation, ScalingReport, Steps } from '../test/scaling-process.ts'
import type { CrdtType } from './index.ts'

/** What costs the same in a small state and a large one. All else may cost in proportion to the state. */
const FLAT: Readonly<Record<CrdtType, readonly Operation[]>> = {
  // Of so many replicas: each has its row, and a version is compared row by row.
  'g-counter': ['edit', 'merge'],
  'pn-counter': ['edit', 'merge'],
  // What each replica may use hangs on what all have transferred.
  'bounded-counter': ['edit'],
  // Of so many values that know nothing of each other: an edit replaces them all.
  'ew-flag': [],
  'dw-flag': [],
  'lww-register': [],
  'mv-register': [],
  'g-set': ['edit', 'merge', 'deltaSince'],
  '2p-set': ['edit', 'merge', 'deltaSince'],
  'or-set': ['edit', 'merge', 'deltaSince'],
  'rw-set': ['edit', 'merge', 'deltaSince'],
  // Small by nature: its deltas name all that was ever removed, and it has no index.
  cart: ['edit', 'merge'],
  'lww-map': ['edit', 'merge', 'deltaSince'],
  'or-map': ['edit', 'merge', 'deltaSince'],
  text: ['edit', 'merge', 'deltaSince'],
}

let reports: readonly ScalingReport[]
beforeAll(async () => {
  reports = await new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL('../test/scaling-process.ts', import.meta.url))
    const child = fork(program, { execArgv: ['--conditions=@quorate/source'] })
    child.once('message', (message) => resolve(message as ScalingReport[]))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`The process that counts ended with code ${code}`)))
  })
}, 60_000)

const stepsOf = (type: string, operation: Operation): Steps =>
  reports.find((report) => report.type === type)?.steps[operation] ?? [0, 0]

describe.each(Object.entries(FLAT))('%s', (type, flat) => {
  test.each(flat)('%s() costs the same in a state four times as large', (operation) => {
    const [small, large] = stepsOf(type, operation)
    expect(small).toBeGreaterThan(0)
    // Room for searches that halve, and for growing an array.
    expect(large).toBeLessThan(small * 1.3 + 10)
  })

  test.each(['edit', 'merge', 'deltaSince', 'encode'] as const)(
    '%s() costs at most in proportion to the state, or to sorting it',
    (operation) => {
      const [small, large] = stepsOf(type, operation)
      expect(small).toBeGreaterThan(0)
      expect(large).toBeLessThan(small * 6 + 10) // 16 were it the square
    },
  )
})
