import { expect, test } from 'vitest'
import type { FaultReport } from './fault.ts'
import type { JobResult } from './journal.ts'
import { buildReport, printReport } from './report.ts'

const job = (id: string, outcome: JobResult['outcome'], attempts?: number): JobResult => ({
  id,
  outcome,
  amountCents: 0,
  ...(attempts === undefined ? {} : { attempts }),
})

const FAULT: FaultReport = {
  name: 'orders-primary',
  atSeconds: 1,
  afterJobs: 4,
  jobs: 8,
  checkoutsInFlight: 3,
  takenOverSeconds: 4.5,
  unpaidSeconds: 4,
  refused: 2,
  refusedForSeconds: 1.5,
  refusedCarts: 0,
  refusedCartsUntilSeconds: 0,
}

const reportOf = (fault?: FaultReport) =>
  buildReport({
    file: { path: 'orders.csv', sha256: '', lineCount: 9, invoiceCount: 7, lines: [], dirty: [] },
    times: 1,
    dirty: [],
    results: [
      ...['a', 'b', 'c', 'd'].map((id) => job(id, 'accepted')),
      job('e', 'outOfStock', 3),
      job('f', 'declined'),
      job('r', 'refunded'),
    ],
    apologised: 3,
    elapsedMs: 2_000,
    latencies: {
      cart: { count: 6, p50: 1, p99: 2 },
      'checkout/authorise undone': { count: 1, p50: 12_088.3, p99: 20_000 },
    },
    fault,
    invariants: [],
    resumed: false,
  })

function printed(fault?: FaultReport): string {
  const lines: string[] = []
  printReport(reportOf(fault), (line) => void lines.push(line))
  return lines.join('\n')
}

test('buildReport() counts who had a yes that was kept, who had an apology, and who had a no', () => {
  expect(reportOf().orders).toEqual({
    total: 6,
    accepted: 1,
    apologised: 3,
    refused: 2,
    outOfStock: 1,
    declined: 1,
    refunded: 1,
    nothingToRefund: 0,
    placedAgain: 2,
  })
  expect(reportOf().ordersPerSecond).toBe(3)
})

test('printReport() has a line for each of them', () => {
  const text = printed()
  for (const line of [
    /^ +orders +6 /m,
    /^ +accepted +1$/m,
    /^ +apologised +3 /m,
    /^ +refused +2 /m,
    /^ +out of stock +1 /m,
    /^ +declined +1 /m,
  ]) {
    expect(text).toMatch(line)
  }
  expect(text).not.toContain('SIGKILL')
})

test('printReport() lines up the steps, however long their names', () => {
  const [header, ...steps] = printed()
    .split('\n')
    .filter((line) => /^ {2}(step|cart|checkout)/.test(line))
  expect(steps.map(({ length }) => length)).toEqual([header?.length, header?.length])
})

test('printReport() names the primary that was killed', () => {
  expect(printed(FAULT)).toContain(
    'after 4 of 8, the primary of orders was killed (SIGKILL), with 3 checkouts in flight',
  )
})

test('printReport() tells what was answered 503, and what it means that nothing was', () => {
  expect(printed(FAULT)).toContain('    2 checkouts were answered 503, over 1.5 s')
  expect(printed(FAULT)).not.toContain('changes of carts')
  const cart = { name: 'cart-primary', refused: 0, refusedCarts: 5, refusedCartsUntilSeconds: 3.4 } as const
  const text = printed({ ...FAULT, ...cart })
  expect(text).toContain('the primary of cart was killed')
  expect(text).toContain(
    '    5 changes of carts were answered 503, the last 3.4 s after it; kept on the device',
  )
  expect(text).toContain('    no checkout was refused: those in flight took longer')
  const one = { refused: 1, refusedForSeconds: 0, refusedCarts: 1, refusedCartsUntilSeconds: 3 }
  expect(printed({ ...FAULT, ...one })).toMatch(
    / 1 change of a cart was answered 503, 3 s after it; .*\n +1 checkout was answered 503\n/,
  )
})
