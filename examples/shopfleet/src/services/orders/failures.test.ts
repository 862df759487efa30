import { isNonRetryable, type SagaFailure } from '@quorate/saga'
import { expect, test } from 'vitest'
import { Problem } from '../../shared/problem.ts'
import { asStepFailure, cancelReasonOf, shortLinesOf } from './failures.ts'

const failure: SagaFailure = { step: 'reserve', during: 'run', name: 'Problem', message: '', attempts: 1 }

test.each([400, 402, 404, 409, 422])('asStepFailure() of a %i turns the saga round', (status) => {
  expect(isNonRetryable(asStepFailure(new Problem(status, 'declined', 'No')))).toBe(true)
})

test.each([408, 429, 500, 502, 503])('asStepFailure() of a %i leaves it to the retries', (status) => {
  expect(isNonRetryable(asStepFailure(new Problem(status, 'unavailable', 'Later')))).toBe(false)
})

test('cancelReasonOf() knows the reasons a customer can act on, and calls the rest unavailable', () => {
  expect(cancelReasonOf({ ...failure, code: 'declined' })).toBe('declined')
  expect(cancelReasonOf({ ...failure, code: 'reservation-settled' })).toBe('unavailable')
  expect(cancelReasonOf(failure)).toBe('unavailable')
})

test('shortLinesOf() is what inventory said', () => {
  const short = [{ sku: 'tea', wanted: 2, available: 1 }]
  expect(shortLinesOf({ ...failure, code: 'out-of-stock', data: { short } })).toEqual(short)
  expect(shortLinesOf({ ...failure, code: 'declined', data: { short } })).toBeUndefined()
})
