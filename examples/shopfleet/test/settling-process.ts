/**
 * A copy of the payments service, as far as it settles, in a process of its own: it settles orders side by side,
 * says when one has come to the named point, and stops there until it is killed.
 *
 *   node settling-process.ts PAYMENTS_URL ORDERS_URL POINT ORDER…
 */
import pg from 'pg'
import { pino } from 'pino'
import { openSettlement } from '../src/services/payments/settlement.ts'
import { watchedPool, type Point } from './watched-pool.ts'

const [paymentsUrl, ordersUrl, point, ...orderIds] = process.argv.slice(2)

const stopAt = (passed: Point): Promise<void> => {
  if (passed !== point) return Promise.resolve()
  console.log(passed)
  return new Promise(() => {})
}
const pool = (connectionString: string | undefined) =>
  watchedPool(new pg.Pool({ connectionString, max: orderIds.length + 2 }), stopAt)

setInterval(() => {}, 60_000) // a promise that nobody settles would not keep the process
const settlement = await openSettlement({
  payments: pool(paymentsUrl),
  orders: pool(ordersUrl),
  log: pino({ level: 'silent' }),
})
await Promise.all(orderIds.map((id) => settlement.settle(id)))
console.log('settled')
