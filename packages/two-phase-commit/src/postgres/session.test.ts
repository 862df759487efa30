import { expect, test } from 'vitest'
import type { PgPoolClient } from './port.ts'
import { forget, howToBegin, remember, sessionOf } from './session.ts'
import { beginSql } from './sql.ts'

/** Only who it is matters. */
const client = (): PgPoolClient => ({}) as PgPoolClient

test('a connection is asked at first, each 64th time, and when it may have changed', () => {
  const [one, other] = [client(), client()]
  expect(sessionOf(one)).toBeUndefined()
  remember(one, '180001', 'on')
  expect(sessionOf(other)).toBeUndefined()
  const known = Array.from({ length: 64 }, () => sessionOf(one)?.isWeak)
  expect(known).toEqual(Array.from({ length: 64 }, () => false))
  expect(sessionOf(one)).toBeUndefined()
  remember(one, '180001', 'on')
  expect(sessionOf(one)).toBeDefined()
  forget(one)
  expect(sessionOf(one)).toBeUndefined()
})

test.each([
  ['on', false],
  ['remote_apply', false],
  ['remote_write', false],
  ['local', true],
  ['off', true],
  [undefined, true], // a proxy that keeps the answer for itself
])('synchronous_commit = %s', (synchronous, isWeak) => {
  expect(remember(client(), '180001', synchronous).isWeak).toBe(isWeak)
})

test('transaction_timeout is for servers that have it, and that are known to', () => {
  const limits = { isolation: 'serializable', timeoutMs: 100.5, graceMs: 2_000 } as const
  const begun = (version: string | undefined): string =>
    beginSql(limits, howToBegin(remember(client(), version, 'on')))
  const each =
    'BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL statement_timeout = 101; SET LOCAL idle_in_transaction_session_timeout = 4101'
  expect(begun('169999')).toBe(each)
  expect(begun(undefined)).toBe(each)
  expect(begun('170000')).toBe('BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL transaction_timeout = 201')
  expect(beginSql({ ...limits, isolation: undefined }, howToBegin(undefined))).toBe(
    'BEGIN; SHOW server_version_num; SHOW synchronous_commit; SET LOCAL statement_timeout = 101; SET LOCAL idle_in_transaction_session_timeout = 4101',
  )
})
