/**
 * Stock for product pages: the newer of two answers out of three servers. A page goes on showing stock
 * while any one server is down, frozen or behind, the primary included. It may be a moment old; the sale
 * itself is decided by the conditional update on the primary.
 */
import { quorum, QuorumUnavailableError, type ReadResult } from '@quorate/quorum-client'
import { postgresRowReplica } from '@quorate/quorum-client/postgres'
import type { Pool } from 'pg'
import type { Logger } from '../../shared/logging.ts'
import type { StockBadge } from './contract.ts'

interface Shelf {
  readonly available: number
}

export interface StockDisplay extends AsyncDisposable {
  readonly read: (skus: readonly string[]) => Promise<StockBadge[]>
}

const DEADLINE_MS = 800

export function stockDisplay(servers: readonly Pool[], log: Logger): StockDisplay {
  const replicas = servers.map((pool, index) =>
    postgresRowReplica<Shelf>({
      id: index === 0 ? 'primary' : `replica-${index}`,
      pool,
      table: 'stock',
      key: 'sku',
      value: ['available'],
      version: 'version',
    }),
  )
  const reader = quorum<Shelf, number>({ replicas, r: 2, deadlineMs: DEADLINE_MS })

  return {
    read: async (skus) => {
      try {
        const results = await reader.readMany(skus)
        return [...results].map(([sku, result]) => badgeOf(sku, result))
      } catch (error) {
        if (!(error instanceof QuorumUnavailableError)) throw error
        const responses = error.responses.length
        log.warn(
          {
            err: error,
            failures: error.failures.map(({ replica, error: why }) => `${replica}: ${String(why)}`),
          },
          'stock not shown',
        )
        return skus.map((sku) => ({ sku, available: null, version: null, responses, stale: 0 }))
      }
    },
    [Symbol.asyncDispose]: () => reader.stop(),
  }
}

/** A sku that no server knows has nothing on the shelf. */
export function badgeOf(sku: string, { value, tag, responses }: ReadResult<Shelf, number>): StockBadge {
  return {
    sku,
    available: value?.available ?? 0,
    version: tag ?? null,
    responses: responses.length,
    stale: responses.filter((response) => response.tag !== tag).length,
  }
}
