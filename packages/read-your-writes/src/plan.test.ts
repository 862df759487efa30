import { expect, test } from 'vitest'
import { bounded } from './level.ts'
import { planRead, type Plan } from './plan.ts'
import type { Need } from './session.ts'

const position = { cluster: '1', timeline: 2, lsn: 5n }
const primary = { cluster: '1', timeline: 2 }
const NOTHING: Need = { type: 'nothing' }
const POSITION: Need = { type: 'position', position }
const REJECTED: Need = { type: 'primary', rejection: 'tampered' }
const anywhere: Plan = { to: 'replicas', wanted: { position: undefined, maxStaleMs: Infinity } }
const toPrimary = (reason: string, renews = false): object => ({ to: 'primary', reason, renews })

test.each(['read-your-writes', 'monotonic', 'causal'] as const)(
  '%s asks for what the session has',
  (level) => {
    expect(planRead(level, undefined, primary)).toEqual(toPrimary('no-session'))
    expect(planRead(level, NOTHING, primary)).toEqual(anywhere)
    expect(planRead(level, POSITION, primary)).toEqual({
      to: 'replicas',
      wanted: { position, maxStaleMs: Infinity },
    })
    expect(planRead(level, REJECTED, primary)).toEqual(toPrimary('token-rejected', true))
  },
)

test('positions of an older timeline or of another cluster mean the primary, once it is known', () => {
  const level = 'read-your-writes'
  expect(planRead(level, POSITION, { cluster: '1', timeline: 3 })).toEqual(toPrimary('old-timeline', true))
  expect(planRead(level, POSITION, { cluster: '2', timeline: 2 })).toEqual(toPrimary('token-rejected', true))
  const unknown = { cluster: undefined, timeline: undefined }
  expect(planRead(level, POSITION, unknown)).toMatchObject({ to: 'replicas', wanted: { position } })
  // The token comes from behind a promotion that this process has not noticed: no replica covers it.
  expect(planRead(level, POSITION, { cluster: '1', timeline: 1 })).toMatchObject({ to: 'replicas' })
})

test('strong and eventual ask for no token', () => {
  for (const need of [undefined, NOTHING, POSITION, REJECTED]) {
    expect(planRead('strong', need, primary)).toEqual(toPrimary('strong'))
    expect(planRead('eventual', need, primary)).toEqual(anywhere)
  }
})

test('bounded needs no session; with one it sees its writes as well', () => {
  const level = bounded({ maxLagMs: 250 })
  const wanted = { position: undefined, maxStaleMs: 250 }
  expect(planRead(level, undefined, primary)).toEqual({ to: 'replicas', wanted })
  expect(planRead(level, NOTHING, primary)).toEqual({ to: 'replicas', wanted })
  expect(planRead(level, POSITION, primary)).toEqual({ to: 'replicas', wanted: { ...wanted, position } })
  expect(planRead(level, REJECTED, primary)).toEqual(toPrimary('token-rejected', true))
})

test.each([0, -1, NaN, '5', undefined])('bounded() refuses %s', (maxLagMs) => {
  expect(() => bounded({ maxLagMs: maxLagMs as number })).toThrow(RangeError)
  expect(() => bounded({ maxLagMs: maxLagMs as number })).toThrow(/maxLagMs must be a number above 0, got/)
})
