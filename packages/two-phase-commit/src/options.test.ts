import { expect, test } from 'vitest'
import { coLocated, separateLog, settingsOf } from './options.ts'
import type { PgPool } from './postgres/port.ts'

const pool: PgPool = { connect: () => Promise.reject(new Error('not asked')) }
const client = { ...pool, escapeIdentifier: (name: string) => name }
const good = { participants: { payments: pool, orders: pool }, log: coLocated('payments') }

// From JavaScript, or through a cast: options that the types refuse.
const make = (change: object) => (): unknown => settingsOf({ ...good, ...change })

test('options are checked by name', () => {
  expect(make({})()).toMatchObject({ name: 'coordinator', schema: 'quorate', timeoutMs: 5_000 })
  expect(make({ recoverEveryMs: Infinity, orphanAfterMs: 0 })()).toMatchObject({ orphanAfterMs: 0 })
})

test.each([
  [{ participants: [pool, pool] }, TypeError, /participants must be pools by name, got an array$/],
  [
    { participants: { payments: client, orders: pool } },
    TypeError,
    /payments must be a pool, .* got a client$/,
  ],
  [
    { participants: { payments: 'postgres:', orders: pool } },
    TypeError,
    /payments must be a pool, .* got string$/,
  ],
  [{ log: coLocated(pool as never) }, TypeError, /coLocated\(\) must be given the name .* got object$/],
  [{ log: separateLog(client) }, TypeError, /the pool of the log must be a pool, .* got a client$/],
  [{ name: 7 }, TypeError, /name must be a text, got number$/],
  [{ schema: 7 }, TypeError, /schema must be a text, got number$/],
  [{ onEvent: 'log' }, TypeError, /onEvent must be a function, got string$/],
  [{ spans: null }, TypeError, /spans must be made by twoPhaseCommitSpans\(\) of \/otel$/],
  [{ spans: { startActiveSpan: () => {} } }, TypeError, /spans must be made by twoPhaseCommitSpans\(\)/],
  [{ regions: { payment: 'eu' } }, RangeError, /regions names payment, .* payments, orders$/],
  [{ timeoutMs: '5000' }, RangeError, /timeoutMs must be a finite number above 0, got "5000"$/],
  [{ timeoutMs: Infinity }, RangeError, /timeoutMs must be a finite number above 0, got Infinity$/],
  [{ orphanAfterMs: -1 }, RangeError, /orphanAfterMs must be a finite number from 0, got -1$/],
])('%o is refused', (change, kind, message) => {
  expect(make(change)).toThrow(kind)
  expect(make(change)).toThrow(message)
})
