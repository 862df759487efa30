import { OVERSELLING, type Overselling } from '../services/inventory/overselling.ts'

/** What is compared: the shop's answers, what goes wrong without one, and the optimistic one as in the books. */
export type Compared = 'naive' | 'version' | Overselling

export const COMPARED: readonly Compared[] = ['naive', 'version', ...OVERSELLING]

/** For tables: how each takes the units. */
export const HOW: Readonly<Record<Compared, string>> = {
  naive: 'reads the shelf, then writes what it worked out',
  version: 'reads a version, writes if it is still the same',
  lock: 'select … for update, then decides',
  optimistic: 'one conditional update',
  batch: 'one transaction for all who wait',
  compensate: 'sells first, looks afterwards',
}

/** What was found of one answer. */
export interface Finding {
  readonly answer: Compared
  /** Many customers, few units. */
  readonly rush: Rush
  /** As many customers, units for all. */
  readonly flow: Flow
}

export interface Rush {
  readonly units: number
  readonly customers: number
  /** Customers who were told yes, and no. */
  readonly granted: number
  readonly refused: number
  /** Units that were given away and not there, at the worst moment. */
  readonly oversold: number
  /** Customers who had a yes and got an apology. */
  readonly apologies: number
  /** Orders that are sold in the end. */
  readonly kept: number
  /** Is the stock row what the ledger says, and the shelf empty? */
  readonly isConsistent: boolean
  /** Calls that were answered 503, because no connection came free in 2 s, and made again. */
  readonly repeats: number
  /** Until every customer had their answer, ms. */
  readonly elapsedMs: number
}

export interface Flow {
  readonly soldPerSecond: number
  /** From the click to the yes, ms. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Statements sent to the database for an order, BEGIN and COMMIT among them. */
  readonly statementsPerOrder: number
  /** Times the hot row was written for an order. */
  readonly rowWritesPerOrder: number
  /** Connections that waited for a lock, on average. */
  readonly waitingForLocks: number
}

/** Exactly the units that there were are sold, and the books agree. */
export function isRight({ rush }: Finding): boolean {
  return rush.kept === Math.min(rush.units, rush.customers) && rush.isConsistent
}

/** 0, or 1 if one of the shop's answers is wrong. The naive one is there to be. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 {
  return findings.every((finding) => finding.answer === 'naive' || isRight(finding)) ? 0 : 1
}
