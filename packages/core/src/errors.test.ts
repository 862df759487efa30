import { expect, test } from 'vitest'
import { invariant, isQuorateError, outcomeOf, QuorateError } from './errors.ts'
import { RetryExhaustedError } from './retry.ts'

class StaleTokenError extends QuorateError {
  readonly code = 'QUORATE_STALE_TOKEN'
}

test('QuorateError carries code, outcome, name and cause', () => {
  const cause = new Error('ECONNRESET')
  const error = new StaleTokenError('Cannot write', { outcome: 'unknown', cause })
  expect(error).toMatchObject({
    name: 'StaleTokenError',
    code: 'QUORATE_STALE_TOKEN',
    outcome: 'unknown',
    message: 'Cannot write',
    cause,
  })
  expect(error).toBeInstanceOf(Error)
  expect('cause' in new StaleTokenError('Cannot write', { outcome: 'not-applied' })).toBe(false)
})

test('isQuorateError() knows an error of another copy of this package, where instanceof does not', async () => {
  const url = new URL('retry.ts?another-copy', import.meta.url).href
  const other = (await import(url)) as typeof import('./retry.ts')
  const error = new other.RetryExhaustedError({
    attempts: 3,
    elapsedMs: 10,
    outcome: 'unknown',
    cause: undefined,
  })
  expect(error).not.toBeInstanceOf(RetryExhaustedError)
  expect(isQuorateError(error)).toBe(true)
  expect(outcomeOf(error)).toBe('unknown')
})

test('isQuorateError() refuses everything else', () => {
  for (const value of [new Error('x'), { code: 'QUORATE_FAKE' }, undefined, null, 'QUORATE_X', 7]) {
    expect(isQuorateError(value)).toBe(false)
  }
})

test('outcomeOf() takes any foreign error for unknown', () => {
  expect(outcomeOf(new StaleTokenError('Cannot write', { outcome: 'not-applied' }))).toBe('not-applied')
  expect(outcomeOf(new TypeError('x'))).toBe('unknown')
  expect(outcomeOf(undefined)).toBe('unknown')
})

test('invariant() crashes with what was expected', () => {
  expect(() => invariant(true, 'never')).not.toThrow()
  expect(() => invariant(false, 'token must rise')).toThrow(
    'Broken invariant, please report it: token must rise',
  )
})
