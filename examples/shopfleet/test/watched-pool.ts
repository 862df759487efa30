import type { Pool } from 'pg'
import type { SettlementPool } from '../src/services/payments/settlement.ts'

/** Where a settlement stands, in the order in which it comes by. */
export const POINTS = [
  'before PREPARE on orders',
  'before COMMIT with the decision on payments',
  'before COMMIT PREPARED on orders',
  'after COMMIT PREPARED on orders',
] as const
export type Point = (typeof POINTS)[number]

/** What a statement is, by the SQL that it cannot do without: how the coordinator writes it is its own affair. */
function nameOf(text: string, hasPosted: boolean): string | undefined {
  if (/COMMIT PREPARED/.test(text)) return 'COMMIT PREPARED on orders'
  if (/PREPARE TRANSACTION/.test(text)) return 'PREPARE on orders'
  return hasPosted && text.endsWith('COMMIT') ? 'COMMIT with the decision on payments' : undefined
}

/** A pool that says when a settlement passes a point, and waits there as long as it is told. */
export function watchedPool(pool: Pool, at: (point: Point) => Promise<void>): SettlementPool {
  const pass = async (when: 'before' | 'after', name: string | undefined): Promise<void> => {
    const point = POINTS.find((known) => known === `${when} ${name}`)
    if (point !== undefined) await at(point)
  }
  return {
    query: pool.query.bind(pool),
    async connect() {
      const client = await pool.connect()
      let hasPosted = false
      return {
        query: async (text: string, values?: unknown[]) => {
          const name = nameOf(text, hasPosted)
          await pass('before', name)
          const answer: unknown = await client.query(text, values)
          await pass('after', name)
          hasPosted ||= text.includes('insert into ledger')
          return answer
        },
        release: (destroy?: boolean) => client.release(destroy),
        on: (event: 'error' | 'notice', listener: never) => client.on(event as 'error', listener),
        removeListener: (event: 'error' | 'notice', listener: never) =>
          client.removeListener(event, listener),
      }
    },
  }
}
