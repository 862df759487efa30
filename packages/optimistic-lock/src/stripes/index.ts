/**
 * Counters in several rows each, for transactions that would wait for one.
 * @packageDocumentation
 */
export {
  STRIPE_TABLE,
  stripedCounters,
  type StripedCounters,
  type StripedCountersOptions,
  stripesMigration,
  type TransactionStripedCounters,
} from './stripes.ts'
export type { PgQueryable } from '../pg/session.ts'
