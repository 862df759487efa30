import { expect, test } from 'vitest'
import { z } from 'zod'
import { isAway, Problem, toProblem } from './problem.ts'

test('toProblem() passes a problem on unchanged', () => {
  const problem = new Problem(409, 'taken', 'It is taken')
  expect(toProblem(problem, 'cart')).toBe(problem)
})

test('toProblem() turns a lost database into 503 with Retry-After', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  expect(toProblem(refused, 'cart')).toMatchObject({ status: 503, code: 'unavailable', retryAfterSeconds: 1 })
  expect(isAway(new Error('query failed', { cause: refused }))).toBe(true)
})

test('toProblem() names the field that is wrong', () => {
  const { error } = z
    .object({ lines: z.array(z.object({ quantity: z.int() })) })
    .safeParse({ lines: [{ quantity: 'x' }] })
  const problem = toProblem(error, 'cart')
  expect(problem.status).toBe(400)
  expect(problem.message).toMatch(/^lines\.0\.quantity: /)
})

test('toProblem() tells the customer nothing of a bug', () => {
  const problem = toProblem(new Error('secret detail'), 'cart')
  expect(problem).toMatchObject({ status: 500, code: 'internal' })
  expect(problem.message).not.toContain('secret')
})

test.each(['40001', '40P01', '55P03', '57014', '53300'])(
  'toProblem() of %s from a database says that a repeat may succeed',
  (code) => {
    const problem = toProblem(Object.assign(new Error('not this time'), { code }), 'orders')
    expect([problem.status, problem.code, problem.retryAfterSeconds]).toEqual([503, 'unavailable', 1])
  },
)
