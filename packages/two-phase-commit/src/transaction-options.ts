import { checkNames } from '@quorate/core'
import { parseId } from './names.ts'
import { requirePositive, type TransactionOptions } from './options.ts'
import type { PgPool } from './postgres/port.ts'
import type { Isolation } from './postgres/sql.ts'

/** How a transaction is to be run. */
export interface CheckedTransaction {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly isolation: Isolation | undefined
  /** In the order of the coordinator, whatever the caller's. */
  readonly pools: ReadonlyMap<string, PgPool>
}

const ISOLATIONS: readonly unknown[] = ['read committed', 'repeatable read', 'serializable']

/** @throws TypeError, RangeError. */
export function checkTransaction(
  work: unknown,
  options: TransactionOptions<string>,
  defaultMs: number,
  pools: ReadonlyMap<string, PgPool>,
): CheckedTransaction {
  const action = 'run a transaction'
  if (typeof work !== 'function')
    throw new TypeError(`Cannot ${action}: work must be a function, got ${typeof work}`)
  checkNames(action, options, ['timeoutMs', 'signal', 'use', 'isolation'])
  const { timeoutMs = defaultMs, signal, use, isolation } = options
  requirePositive(action, 'timeoutMs', timeoutMs)
  if (isolation !== undefined && !ISOLATIONS.includes(isolation)) {
    throw new RangeError(
      `Cannot ${action}: isolation must be ${ISOLATIONS.join(', ')}, got ${JSON.stringify(isolation)}`,
    )
  }
  return { timeoutMs, signal, isolation, pools: poolsOf(action, use, pools) }
}

function poolsOf(
  action: string,
  use: readonly string[] | undefined,
  pools: ReadonlyMap<string, PgPool>,
): ReadonlyMap<string, PgPool> {
  if (use === undefined) return pools
  if (use.length === 0) throw new RangeError(`Cannot ${action}: use must name at least one participant`)
  for (const name of use) {
    if (pools.has(name)) continue
    throw new RangeError(
      `Cannot ${action}: no participant ${JSON.stringify(name)}; there are ${[...pools.keys()].join(', ')}`,
    )
  }
  return new Map([...pools].filter(([name]) => use.includes(name)))
}

/** @throws RangeError unless it could be a transaction's. */
export function requireId(action: string, id: string): void {
  if (parseId(id) !== undefined) return
  throw new RangeError(
    `Cannot ${action}: ${JSON.stringify(id)} is no transaction of a coordinator; status() lists them`,
  )
}
