import { expect, test } from 'vitest'
import { LentQueryable } from './lent.ts'

test('what failed is the first statement, not those behind it that were refused for that', async () => {
  const refusal = (code: string): Error => Object.assign(new Error(code), { code, severity: 'ERROR' })
  const errors = [refusal('22012'), refusal('25P02'), refusal('25P02'), refusal('23505')]
  const [first, last] = [errors.at(0), errors.at(-1)]
  const lent = new LentQueryable({
    query: () => Promise.reject(errors.shift() ?? new Error('asked too often')),
    release: () => {},
    on: () => {},
    removeListener: () => {},
  })
  await Promise.allSettled(['SELECT 1/0', 'SELECT 1', 'SELECT 2'].map((text) => lent.query(text)))
  expect(lent.failure).toBe(first)
  await expect(lent.query('INSERT INTO t VALUES (1)')).rejects.toBe(last)
  expect(lent.failure).toBe(last)
})
