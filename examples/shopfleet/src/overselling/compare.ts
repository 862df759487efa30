/**
 * The answers to overselling side by side: the same customers, the same calls to a real inventory service over HTTP that a
 * checkout makes (reserve, then commit when it is paid), on a real Postgres primary with its two replicas. Without the
 * rest of the checkout, which costs the same with each and would hide what differs.
 */
import { localCluster } from '@quorate/local-cluster'
import { pino } from 'pino'
import { DATABASES } from '../databases.ts'
import { inventoryMigrations } from '../services/inventory/migrations.ts'
import { migrate, openPool, type Pool } from '../shared/postgres.ts'
import { serviceClient } from '../shared/http-client.ts'
import { COMPARED, type Compared, type Finding, type Flow, type Rush } from './answers.ts'
import { startCopy, type Copy } from './copy.ts'
import { crowd, shop, type Shopping } from './customers.ts'
import { countWaiting, openShelf, readShelf } from './shelf.ts'

export interface CompareOptions {
  /** Of the hot item. */
  readonly units: number
  /** Who want one. */
  readonly customers: number
  /** Customers at the same time. */
  readonly atOnce: number
  /** How long each answer sells from a full shelf, s. */
  readonly seconds: number
  readonly signal: AbortSignal
  readonly onProgress?: ((label: string, done: number, total: number) => void) | undefined
}

/** A card takes that long: time enough for an oversold customer to believe it. */
const PAY_MS = 50
const LOOK_AFTER_MS = 200
/** As the shop's inventory service has. */
const CONNECTIONS = 16
/**
 * Short rounds, taken in turn, so that a busy moment of the machine does not fall on one answer alone; none shorter
 * than a second.
 */
const MAX_ROUNDS = 3
const FULL_SHELF = 10_000_000
/** A flow that is measured has connections, plans and compiled code. */
const WARM_UP_SECONDS = 0.2

export async function compareOverselling(options: CompareOptions): Promise<Finding[]> {
  const { signal, onProgress } = options
  const log = pino({ level: 'silent' })
  await using stack = new AsyncDisposableStack()
  onProgress?.('databases', 0, 1)
  const cluster = await localCluster({
    // The wait for a standby is the same for each of them, and would hide what they cost.
    postgres: { inventory: { ...DATABASES.postgres.inventory, synchronous: false } },
    signal,
  })
  stack.defer(() => cluster.stop())
  onProgress?.('databases', 1, 1)
  const databaseUrl = cluster.postgres.inventory.primary.url
  const db = openPool(databaseUrl, { name: 'compare', max: 2, log })
  stack.defer(() => db.end())
  await migrate(db, inventoryMigrations)

  // One copy at a time: each has as many connections as in the shop, and the machine to itself.
  const withCopy = async <T>(answer: Compared, work: (copy: Copy) => Promise<T>): Promise<T> => {
    await using copy = await startCopy({
      answer,
      databaseUrl,
      connections: CONNECTIONS,
      lookAfterMs: LOOK_AFTER_MS,
      log,
    })
    return await work(copy)
  }
  const roundCount = Math.min(MAX_ROUNDS, options.seconds)
  const total = COMPARED.length * (1 + roundCount)
  let done = 0
  const progress = (): void => onProgress?.('comparing', ++done, total)
  const rushes = new Map<Compared, Rush>()
  const rounds = new Map<Compared, Round[]>(COMPARED.map((answer) => [answer, []]))
  for (const answer of COMPARED) {
    rushes.set(answer, await withCopy(answer, (copy) => rush(answer, copy, db, options)))
    await openShelf(db, `flow-${answer}`, FULL_SHELF)
    progress()
  }
  for (let round = 1; round <= roundCount; round++) {
    for (const answer of COMPARED) {
      const sold = await withCopy(answer, async (copy) => {
        await sell(answer, copy, db, `warm-up-${round}`, {
          ...options,
          atOnce: Math.min(options.atOnce, CONNECTIONS),
          seconds: WARM_UP_SECONDS,
        })
        return sell(answer, copy, db, `round-${round}`, { ...options, seconds: options.seconds / roundCount })
      })
      rounds.get(answer)?.push(sold)
      progress()
    }
  }
  return COMPARED.flatMap((answer) => {
    const own = rushes.get(answer)
    return own === undefined ? [] : [{ answer, rush: own, flow: flowOf(rounds.get(answer) ?? []) }]
  })
}

/** Many customers, few units. */
async function rush(
  answer: Compared,
  copy: Copy,
  db: Pool,
  { units, customers, atOnce, signal }: CompareOptions,
): Promise<Rush> {
  const sku = `hot-${answer}`
  await openShelf(db, sku, units)
  const inventory = serviceClient('inventory', copy.url, atOnce)
  let granted = 0
  let repeats = 0
  let lastMs = 0
  const shopping: Shopping = {
    inventory,
    sku,
    payMs: PAY_MS,
    signal,
    onAnswer: (isYes) => {
      if (isYes) granted++
      lastMs = performance.now()
    },
    onRepeat: () => repeats++,
  }
  const startMs = performance.now()
  let next = 0
  try {
    const ends = await crowd(
      atOnce,
      () => (next < customers ? `${sku}-${next++}` : undefined),
      (id) => shop(shopping, id),
    )
    const shelf = await readShelf(db, sku)
    return {
      units,
      customers,
      granted,
      refused: customers - granted,
      oversold: Math.max(0, -shelf.lowest),
      apologies: ends.filter((end) => end === 'apology').length,
      kept: shelf.sold,
      isConsistent: shelf.isConsistent,
      repeats,
      elapsedMs: lastMs - startMs,
    }
  } finally {
    await inventory.close()
  }
}

interface Round {
  readonly orders: number
  readonly elapsedMs: number
  readonly latencies: readonly number[]
  readonly statements: number
  readonly rowWrites: number
  readonly waiting: readonly number[]
}

/** A full shelf: how fast it goes. */
async function sell(
  answer: Compared,
  copy: Copy,
  db: Pool,
  round: string,
  { atOnce, seconds, signal }: CompareOptions,
): Promise<Round> {
  const sku = `flow-${answer}`
  const inventory = serviceClient('inventory', copy.url, atOnce)
  const latencies: number[] = []
  const shopping: Shopping = {
    inventory,
    sku,
    payMs: 0,
    signal,
    onAnswer: (_isYes, ms) => latencies.push(ms),
    onRepeat: () => {},
  }
  const statements = copy.statements()
  const before = await readShelf(db, sku)
  const waits = countWaiting(db, `inventory-${answer}`)
  const startMs = performance.now()
  const untilMs = startMs + seconds * 1_000
  let next = 0
  try {
    const ends = await crowd(
      atOnce,
      () => (performance.now() < untilMs ? `${sku}-${round}-${next++}` : undefined),
      (id) => shop(shopping, id),
    )
    const elapsedMs = performance.now() - startMs
    const waiting = await waits.stop()
    const after = await readShelf(db, sku)
    return {
      orders: ends.filter((end) => end === 'sold').length,
      elapsedMs,
      latencies,
      statements: copy.statements() - statements,
      rowWrites: after.writes - before.writes,
      waiting,
    }
  } finally {
    await waits.stop()
    await inventory.close()
  }
}

/** The middle of the rounds for what varies with the machine, all together for what does not. */
function flowOf(all: readonly Round[]): Flow {
  const sum = (pick: (round: Round) => number): number => all.reduce((total, round) => total + pick(round), 0)
  const orders = Math.max(
    1,
    sum((round) => round.orders),
  )
  const sorted = all.flatMap(({ latencies }) => latencies).toSorted((a, b) => a - b)
  const rates = all.map((round) => (round.orders * 1_000) / round.elapsedMs).toSorted((a, b) => a - b)
  const waiting = all.flatMap((round) => round.waiting)
  return {
    soldPerSecond: rank(rates, 0.5),
    p50Ms: rank(sorted, 0.5),
    p99Ms: rank(sorted, 0.99),
    statementsPerOrder: sum(({ statements }) => statements) / orders,
    rowWritesPerOrder: sum(({ rowWrites }) => rowWrites) / orders,
    waitingForLocks: waiting.reduce((total, count) => total + count, 0) / Math.max(1, waiting.length),
  }
}

/** Nearest rank. */
function rank(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
