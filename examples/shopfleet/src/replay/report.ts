import type { DirtyLine, OrdersFile } from './orders-file.ts'
import type { DirtyReason } from './clean-line.ts'
import type { Invariant } from '../invariants/check-invariants.ts'
import { FAULTS, NOTICED_AFTER_MS, type FaultReport } from './fault.ts'
import type { JobResult } from './journal.ts'
import { STOCK_SHARE } from './plan.ts'

/** The closing report, as `--report FILE` writes it. */
export interface ReplayReport {
  readonly orders: {
    /** All checkouts: accepted, apologised and refused together. */
    readonly total: number
    /** The customer had a yes, and it was kept. */
    readonly accepted: number
    /** The customer had a yes, and then their money back and an apology: the goods were not there. */
    readonly apologised: number
    /** The customer had a no: out of stock and declined together. */
    readonly refused: number
    readonly outOfStock: number
    readonly declined: number
    /** Refunds carried out, each a cancellation of the file. */
    readonly refunded: number
    /** Cancellations whose order had not been accepted. */
    readonly nothingToRefund: number
    /** Orders that the shop could not finish, undid, and that their customers placed again. */
    readonly placedAgain: number
  }
  /** What was broken on purpose in the middle, if anything. */
  readonly fault: FaultReport | null
  readonly dirtyLines: Readonly<Partial<Record<DirtyReason, number>>>
  readonly dirtyLineList: readonly DirtyLine[]
  readonly seconds: number
  readonly ordersPerSecond: number
  readonly stepLatencyMs: Readonly<Record<string, { p50: number; p99: number; count: number }>>
  readonly invariants: readonly Invariant[]
  readonly input: {
    readonly file: string
    readonly lines: number
    readonly invoices: number
    readonly times: number
  }
  readonly resumed: boolean
}

export function buildReport(facts: {
  readonly file: OrdersFile
  readonly times: number
  readonly dirty: readonly DirtyLine[]
  readonly results: readonly JobResult[]
  /** How many of the accepted orders ended with an apology, later. */
  readonly apologised: number
  readonly elapsedMs: number
  readonly latencies: ReplayReport['stepLatencyMs']
  readonly fault: FaultReport | undefined
  readonly invariants: readonly Invariant[]
  readonly resumed: boolean
}): ReplayReport {
  const { file, times, dirty, results, apologised, elapsedMs, latencies, fault, invariants, resumed } = facts
  const count = (outcome: JobResult['outcome']): number =>
    results.filter((result) => result.outcome === outcome).length
  const refused = count('outOfStock') + count('declined')
  const total = count('accepted') + refused
  const orders = {
    total,
    accepted: count('accepted') - apologised,
    apologised,
    refused,
    outOfStock: count('outOfStock'),
    declined: count('declined'),
    refunded: count('refunded'),
    nothingToRefund: count('nothingToRefund'),
    placedAgain: results.reduce((sum, { attempts = 1 }) => sum + attempts - 1, 0),
  }
  const dirtyLines: Partial<Record<DirtyReason, number>> = {}
  for (const { reason } of dirty) dirtyLines[reason] = (dirtyLines[reason] ?? 0) + 1
  return {
    orders,
    fault: fault ?? null,
    dirtyLines,
    dirtyLineList: dirty,
    seconds: round(elapsedMs / 1_000),
    ordersPerSecond: elapsedMs > 0 ? round((total * 1_000) / elapsedMs) : 0,
    stepLatencyMs: latencies,
    invariants,
    input: { file: file.path, lines: file.lineCount, invoices: file.invoiceCount, times },
    resumed,
  }
}

/** The report for people. */
export function printReport(report: ReplayReport, print: (line: string) => void): void {
  const { orders, input } = report
  print('')
  print(
    `${input.invoices} invoices (${input.lines} lines)${input.times > 1 ? ` × ${input.times}` : ''} in ${report.seconds} s, ${report.ordersPerSecond} orders/s`,
  )
  print('')
  print(`  orders         ${pad(orders.total)}   of these`)
  print(`  accepted       ${pad(orders.accepted)}`)
  print(
    `  apologised     ${pad(orders.apologised)}   sold without a look, and not there: the money went back`,
  )
  print(`  refused        ${pad(orders.refused)}   of these`)
  print(
    `    out of stock ${pad(orders.outOfStock)}   as a whole: the shelves held ${STOCK_SHARE * 100} % of what the file sells`,
  )
  print(`    declined     ${pad(orders.declined)}   by the card's bank; the stock went back`)
  print(
    `  refunded       ${pad(orders.refunded)}   cancellations carried out` +
      (orders.nothingToRefund > 0 ? `, ${orders.nothingToRefund} more had nothing to give back` : ''),
  )
  if (orders.placedAgain > 0)
    print(`  placed again   ${pad(orders.placedAgain)}   the shop could not finish them, and had undone them`)
  print('')
  if (report.fault !== null) printFault(report.fault, print)
  print('  lines left out, by reason (all are listed in the file written by --report)')
  for (const [reason, count] of Object.entries(report.dirtyLines).toSorted((a, b) => b[1] - a[1])) {
    const examples = report.dirtyLineList.filter((line) => line.reason === reason).slice(0, 3)
    print(
      `  ${pad(count)}  ${reason}  (${examples.map(({ lineNumber, stockCode }) => `line ${lineNumber} ${stockCode}`).join(', ')}${count > 3 ? ', …' : ''})`,
    )
  }
  if (report.dirtyLineList.length === 0) print('       none')
  print('')
  const steps = Object.entries(report.stepLatencyMs)
  const width = Math.max(...steps.map(([step]) => step.length), 15)
  print(`  ${'step'.padEnd(width)} ${'count'.padStart(7)} ${'p50 ms'.padStart(8)} ${'p99 ms'.padStart(8)}`)
  for (const [step, { count, p50, p99 }] of steps) {
    print(
      `  ${step.padEnd(width)} ${String(count).padStart(7)} ${p50.toFixed(1).padStart(8)} ${p99.toFixed(1).padStart(8)}`,
    )
  }
  print('')
  for (const { name, holds, proof } of report.invariants)
    print(`  ${holds ? 'holds ' : 'BROKEN'}  ${name}: ${proof}`)
  print('')
}

function printFault(fault: FaultReport, print: (line: string) => void): void {
  print(
    `  ${fault.atSeconds} s into the orders, after ${fault.afterJobs} of ${fault.jobs}, the primary of ${FAULTS[fault.name]} was killed (SIGKILL), with ${fault.checkoutsInFlight} checkouts in flight`,
  )
  print(
    `    after ${fault.takenOverSeconds} s a standby was in charge and the old primary followed it (nobody noticed for ${NOTICED_AFTER_MS / 1_000} s); no order was paid for ${fault.unpaidSeconds} s`,
  )
  if (fault.refusedCarts > 0) {
    const what = refused(fault.refusedCarts, 'change of a cart', 'changes of carts')
    print(
      `    ${what}, ${fault.refusedCarts === 1 ? '' : 'the last '}${fault.refusedCartsUntilSeconds} s after it; kept on the device`,
    )
  }
  const what = refused(fault.refused, 'checkout', 'checkouts')
  if (fault.refused === 0) print('    no checkout was refused: those in flight took longer')
  else print(`    ${what}${fault.refused === 1 ? '' : `, over ${fault.refusedForSeconds} s`}`)
  print('')
}

const refused = (count: number, one: string, more: string): string =>
  count === 1 ? `1 ${one} was answered 503` : `${count} ${more} were answered 503`
const pad = (value: number): string => String(value).padStart(6)
const round = (value: number): number => Math.round(value * 10) / 10
