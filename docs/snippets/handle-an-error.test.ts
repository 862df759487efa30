import { RetryExhaustedError } from '@quorate/core'
import { RowGoneError, StaleVersionError } from '@quorate/optimistic-lock'
import { expect, test } from 'vitest'
import { statusOf } from './handle-an-error.ts'

const exhausted = (outcome: 'not-applied' | 'unknown'): Error =>
  new RetryExhaustedError({ attempts: 1, elapsedMs: 1, outcome, cause: undefined })

test('statusOf() tells the caller whether to try again', () => {
  expect(statusOf(exhausted('not-applied'))).toMatchObject({ status: 503, body: { tryAgain: true } })
  expect(statusOf(exhausted('unknown'))).toMatchObject({ status: 504, body: { tryAgain: false } })
  expect(() => statusOf(new TypeError('bug'))).toThrow('bug')
})

test('statusOf() knows the refusals of optimistic-lock', () => {
  const facts = { action: 'update', table: 'stock', key: { sku: 'mug' } }
  const stale = new StaleVersionError({ ...facts, expected: 1, actual: 2 })
  expect(statusOf(stale)).toMatchObject({ status: 412, body: { tryAgain: true } })
  expect(statusOf(new RowGoneError(facts))).toMatchObject({ status: 410, body: { tryAgain: false } })
})
