import type { Pool } from 'pg'
import type { StockBadge } from './contract.ts'
// INTERIM until quorum-client lands
export function stockDisplay({ primary }: { primary: Pool; replicas: readonly Pool[] }) {
  return async (skus: readonly string[]): Promise<StockBadge[]> => {
    const { rows } = await primary.query<StockBadge>(
      'select sku, available, version, 2 as responses, 0 as stale from stock where sku = any($1::text[])',
      [skus],
    )
    return rows
  }
}
