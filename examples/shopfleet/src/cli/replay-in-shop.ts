import { writeFile } from 'node:fs/promises'
import { failOver } from '../fail-over.ts'
import { checkInvariants } from '../invariants/check-invariants.ts'
import { FAULTS, NOTICED_AFTER_MS, replayFault } from '../replay/fault.ts'
import type { Journal } from '../replay/journal.ts'
import { Latencies } from '../replay/latencies.ts'
import type { OrdersFile } from '../replay/orders-file.ts'
import { attemptId, planReplay } from '../replay/plan.ts'
import { buildReport, printReport } from '../replay/report.ts'
import { runReplay } from '../replay/run-replay.ts'
import { ShopClient } from '../replay/shop-client.ts'
import { type ShopPools, startShop } from '../shop.ts'
import type { CliOptions } from './options.ts'
import type { Screen } from './screen.ts'
import { showStart } from './show-start.ts'

export interface ReplayInShopOptions {
  readonly options: CliOptions
  readonly journal: Journal
  readonly file: OrdersFile
  readonly dataDir: string
  readonly screen: Screen
  readonly signal: AbortSignal
  /** Hears whether there is something that a killed replay could be gone on with. */
  readonly keep: (isKept: boolean) => void
}

/** The replay itself, and its report. @returns the exit code. */
export async function replayInShop({
  options,
  journal,
  file,
  dataDir,
  screen,
  signal,
  keep,
}: ReplayInShopOptions): Promise<number> {
  const latencies = new Latencies()
  const startMs = performance.now()
  await using shop = await startShop({
    dataDir,
    ...(options.port === undefined ? {} : { ports: { gateway: options.port } }),
    ...(options.log === undefined ? {} : { logFile: options.log }),
    overselling: options.overselling,
    signal,
    onProgress: showStart(screen),
  })
  screen.print(
    `ShopFleet is up in ${seconds(performance.now() - startMs)}, storefront and API at ${shop.gatewayUrl}`,
  )
  shop.onStep(({ step, ms }) => latencies.add(step, ms))

  const plan = planReplay(file, journal.header.times)
  const { concurrency } = journal.header
  const { fault: name } = options
  const fault =
    name === undefined
      ? undefined
      : replayFault(name, () =>
          failOver(shop.cluster, FAULTS[name], { noticedAfterMs: NOTICED_AFTER_MS, signal }),
        )
  const client = new ShopClient(shop.gatewayUrl, concurrency)
  try {
    // Until the report is out a killed replay can be gone on with.
    keep(true)
    await withElapsed(journal, async () => {
      await runReplay({
        plan,
        journal,
        client,
        latencies,
        concurrency,
        resumed: options.resume,
        fault,
        signal,
        onProgress: ({ phase, done, total }) =>
          screen.progress(phase === 'loading' ? 'catalogue, stock, customers' : 'orders', done, total),
      })
      // Orders go on to DELIVERED after their customer has the answer.
      await shop.drain({
        signal,
        onProgress: (open, total) => screen.progress('deliveries', total - open, total),
      })
    })
  } finally {
    await client.close()
  }

  // An order that was undone was a cart too, and so was the one that was placed in its stead.
  const carts = plan.customers
    .flatMap(({ jobs }) => jobs.filter((job) => job.type === 'sale'))
    .flatMap(({ orderId, items }) =>
      Array.from({ length: journal.attempts(orderId) }, (_, index) => ({
        orderId: attemptId(orderId, index + 1),
        items,
        isUndone: index + 1 < journal.attempts(orderId),
      })),
    )
  const invariants = await checkInvariants(shop, plan.stock, carts)
  const report = buildReport({
    file,
    times: journal.header.times,
    dirty: plan.dirty,
    results: journal.results,
    apologised: await countApologies(shop.pools),
    elapsedMs: journal.elapsedMs,
    latencies: latencies.summary(),
    fault: await fault?.ended(),
    invariants,
    resumed: options.resume,
  })
  printReport(report, screen.print)
  if (options.report !== undefined) {
    await writeFile(options.report, `${JSON.stringify(report, null, 2)}\n`)
    screen.print(`Report written to ${options.report}`)
  }
  keep(false)
  if (!options.once) {
    screen.print(`The shop stays up at ${shop.gatewayUrl}; Ctrl-C ends it and removes its data.`)
    await aborted(signal)
  }
  return invariants.every(({ holds }) => holds) ? 0 : 1
}

/** The customer's yes came before the apology, so nothing that the replay was answered tells of it. */
async function countApologies({ orders }: ShopPools): Promise<number> {
  const { rows } = await orders.query<{ count: number }>(
    'select count(*) as count from orders where apology is not null',
  )
  return rows[0]?.count ?? 0
}

/** Writes the time spent down as it passes, so that what a crash interrupts still counts. */
async function withElapsed(journal: Journal, work: () => Promise<void>): Promise<void> {
  let lastMs = performance.now()
  const note = (): void => {
    const nowMs = performance.now()
    journal.append({ type: 'elapsed', ms: nowMs - lastMs })
    lastMs = nowMs
  }
  const timer = setInterval(note, 500)
  try {
    await work()
  } finally {
    clearInterval(timer)
    note()
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
