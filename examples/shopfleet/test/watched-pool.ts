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

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/COMMIT PREPARED/, 'COMMIT PREPARED on orders'],
  [/PREPARE TRANSACTION/, 'PREPARE on orders'],
  [/INSERT INTO .*tpc_decisions[\s\S]*COMMIT$/, 'COMMIT with the decision on payments'],
]

/** A pool that says when a settlement passes a point, and waits there as long as it is told. */
export function watchedPool(pool: Pool, at: (point: Point) => Promise<void>): SettlementPool {
  const pass = async (when: 'before' | 'after', text: string): Promise<void> => {
    const name = NAMES.find(([pattern]) => pattern.test(text))?.[1]
    const point = POINTS.find((known) => known === `${when} ${name}`)
    if (point !== undefined) await at(point)
  }
  return {
    query: pool.query.bind(pool),
    async connect() {
      const client = await pool.connect()
      return {
        query: async (text: string, values?: unknown[]) => {
          await pass('before', text)
          const answer: unknown = await client.query(text, values)
          await pass('after', text)
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
