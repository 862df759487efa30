// A COMMIT waits for a synchronous standby that is away, and one that is cancelled in that wait is answered as if all was
// well, with a warning. No limit of a coordinator may do that: neither those it sets on the server, for the case that
// it vanishes, nor its own, after which it does not listen any more. Each wait here is for an event, so that a slow
// machine only makes the tests begin again with longer limits.
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  coLocated,
  type Coordinator,
  type CoordinatorEvent,
  createCoordinator,
  type PgPool,
} from '@quorate/two-phase-commit'
import { audit, type Bank, coordinatorOf, type Names, oneServer, openBank } from './support.ts'
import { isFoundBefore, standbyAway, strikeWaiting, waiting } from './standby-away.ts'
import { nameOf, type Point, watched } from './watched.ts'

type Statement = 'COMMIT' | 'COMMIT with the record' | 'PREPARE' | 'COMMIT PREPARED'
/** What the server is given to end a transaction with: the first of a connection gets one for each statement. */
type Limit = 'statement_timeout' | 'transaction_timeout'

interface Case {
  readonly statement: Statement
  readonly limit: Limit
}

interface Facts {
  /** Where it is sent. */
  readonly at: Names
  /** What its transaction comes to when nobody hears of it. */
  readonly end: object
  /** Where the rows are, when all is over. */
  readonly truth: readonly Names[]
}

const IN_DOUBT = { code: 'QUORATE_TPC_IN_DOUBT', outcome: 'unknown' }
const FACTS: Record<Statement, Facts> = {
  COMMIT: { at: 'payments', end: { ...IN_DOUBT, id: undefined }, truth: ['payments'] },
  'COMMIT with the record': { at: 'payments', end: IN_DOUBT, truth: ['payments', 'orders'] },
  PREPARE: { at: 'orders', end: { outcome: 'not-applied' }, truth: [] },
  'COMMIT PREPARED': { at: 'orders', end: { committed: true }, truth: ['payments', 'orders'] },
}

const casesOf = (limit: Limit): readonly Case[] =>
  (Object.keys(FACTS) as Statement[]).map((statement) => ({ statement, limit }))
const namesOf = (cases: readonly Case[]): readonly string[] =>
  cases.map(({ statement }) => statement).toSorted()
const endsOf = (cases: readonly Case[]): readonly object[] =>
  cases.map(({ statement }) => FACTS[statement].end)

let server: Awaited<ReturnType<typeof oneServer>>
let bank: Bank

beforeAll(async () => {
  server = await oneServer()
  bank = await openBank(server.urls)
  await using coordinator = coordinatorOf(bank, 'co-located')
  await coordinator.migrate()
})
afterAll(async () => {
  await bank[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

/** A transaction that stops before its statement, until it is let go. */
interface Stopped extends Case, AsyncDisposable {
  /** Of its rows. */
  readonly row: string
  readonly coordinator: Coordinator<Record<Names, PgPool>>
  readonly events: readonly CoordinatorEvent[]
  /** How it began on the server that it stops at. */
  readonly begun: () => string | undefined
  /** Resolves when it stands there. */
  readonly there: Promise<undefined>
  readonly letGo: () => void
  /** The server has answered the statement. */
  readonly isAnswered: () => boolean
  /** Never rejects. */
  readonly end: Promise<object>
}

let rows = 0

async function stopped(
  { statement, limit }: Case,
  { timeoutMs, graceMs }: Times,
  setting?: string,
): Promise<Stopped> {
  const row = `${statement} ${++rows}`
  const pools = [bank.urls.payments, bank.urls.orders].map((url) => {
    const pool = new pg.Pool({ connectionString: url, max: 3 })
    return pool.on('error', () => {})
  })
  const there = Promise.withResolvers<undefined>()
  const go = Promise.withResolvers<undefined>()
  let isWarm = limit === 'statement_timeout'
  let isAnswered = false
  let begun: string | undefined
  const pass = async ({ when, server: at, what, text }: Point): Promise<void> => {
    if (!isWarm || at !== FACTS[statement].at) return
    if (what === 'BEGIN') begun = text
    if (what !== statement) return
    if (when === 'after') isAnswered = true
    there.resolve(undefined)
    await go.promise
  }
  const [payments, orders] = (['payments', 'orders'] as const).map((name, index) =>
    watched(name, () => pools[index] as pg.Pool, pass),
  ) as [PgPool, PgPool]
  const events: CoordinatorEvent[] = []
  const coordinator = createCoordinator({
    participants: { payments, orders },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
    graceMs,
    onEvent: (event) => events.push(event),
  })
  await coordinator.start()
  const run = (id: string, options: { readonly timeoutMs?: number }): Promise<object> =>
    coordinator.transaction(async (clients, { id: name }) => {
      await clients.payments.query('INSERT INTO transfer VALUES ($1, 0)', [id])
      if (statement !== 'COMMIT') await clients.orders.query('INSERT INTO transfer VALUES ($1, 0)', [id])
      if (setting !== undefined) await clients.orders.query(setting)
      return { committed: true, id: name }
    }, options)
  if (!isWarm) await run(`${row}, before`, {})
  isWarm = true
  events.length = 0
  const end = run(row, { timeoutMs }).catch((error: object) => error)
  return {
    statement,
    limit,
    row,
    coordinator,
    events,
    begun: () => begun,
    there: there.promise,
    letGo: () => go.resolve(undefined),
    isAnswered: () => isAnswered,
    end,
    [Symbol.asyncDispose]: async () => {
      await coordinator.stop()
      await Promise.all(pools.map((pool) => pool.end()))
    },
  }
}

interface Times {
  readonly timeoutMs: number
  readonly graceMs: number
}

/** Those of interest here. */
const statementsWaiting = async (): Promise<readonly string[]> =>
  (await waiting(bank.pools.log))
    .map(nameOf)
    .filter((name) => name in FACTS)
    .toSorted()

/** Transactions that wait for the standby, each in its statement. */
interface Waiting extends Times, AsyncDisposable {
  readonly transactions: readonly Stopped[]
  /** The standby is of no importance any more, and what has waited goes on. */
  readonly endWait: () => Promise<void>
}

async function allWaiting(cases: readonly Case[]): Promise<Waiting> {
  for (let timeoutMs = 500; ; timeoutMs *= 2) {
    const times = { timeoutMs, graceMs: timeoutMs / 2 }
    const transactions = await Promise.all(cases.map((one) => stopped(one, times)))
    const oneEnds = Promise.race(transactions.map(({ end }) => end))
    await Promise.race([oneEnds, Promise.all(transactions.map(({ there }) => there))])
    const endWait = await standbyAway(bank.pools.log)
    for (const { letGo } of transactions) letGo()
    const dispose = async (): Promise<void> => {
      await endWait()
      await Promise.all(transactions.map((one) => one[Symbol.asyncDispose]()))
    }
    const areThere = async (): Promise<boolean> =>
      isDeepStrictEqual(await statementsWaiting(), namesOf(cases))
    if (await isFoundBefore(oneEnds, areThere))
      return { ...times, transactions, endWait, [Symbol.asyncDispose]: dispose }
    await endWait() // the machine is too slow for such limits
    await Promise.all(transactions.map(({ end }) => end))
    await recoverAll(transactions)
    await dispose()
  }
}

async function recoverAll(transactions: readonly Stopped[]): Promise<void> {
  do {
    for (const { coordinator } of transactions) await coordinator.recover()
  } while ((await audit(bank)).prepared.length > 0)
}

/** Resolves when limits that begin now have ended what they are for. */
async function limitsPassed(limitMs: number): Promise<readonly unknown[]> {
  const endOf = async (begin: string): Promise<unknown> => {
    const client = new pg.Client({ connectionString: bank.urls.log })
    client.on('error', () => {})
    await client.connect()
    await client.query(begin)
    const error: unknown = await client.query('SELECT pg_sleep(60)').catch((reason: unknown) => reason)
    await client.end().catch(() => {})
    return (error as { readonly code?: string }).code
  }
  return Promise.all([
    endOf(`SET statement_timeout = ${limitMs}`),
    endOf(`BEGIN; SET LOCAL transaction_timeout = ${limitMs}`),
  ])
}

/** Asks and recovers after the wait: what was sent to commit is committed, and nothing is prepared. */
async function expectTruth(transactions: readonly Stopped[]): Promise<void> {
  for (const { statement, coordinator, end } of transactions) {
    if (statement !== 'COMMIT with the record') continue
    const { id } = (await end) as { readonly id: string }
    expect(await coordinator.status(id)).toMatchObject({ id, decision: 'commit' })
  }
  await recoverAll(transactions)
  const { transfers, prepared } = await audit(bank)
  const rowsOf = ({ row }: Stopped): readonly string[] =>
    (['payments', 'orders'] as const).filter((name) => transfers[name].includes(row))
  expect(transactions.map(rowsOf)).toEqual(transactions.map(({ statement }) => FACTS[statement].truth))
  expect(prepared).toEqual([])
}

test('no limit of a coordinator ends the wait for a standby, and its answer is what is true', async () => {
  await using all = await allWaiting([...casesOf('statement_timeout'), ...casesOf('transaction_timeout')])
  const { transactions, timeoutMs, graceMs, endWait } = all
  for (const { limit, begun } of transactions) expect(begun()).toContain(`SET LOCAL ${limit} = `)
  const [passed, ends] = await Promise.all([
    limitsPassed(timeoutMs + graceMs),
    Promise.all(transactions.map(({ end }) => end)),
  ])
  expect(passed).toEqual(['57014', '25P04'])
  // Nobody listens any more, and yet each still waits.
  expect(await statementsWaiting()).toEqual(namesOf(transactions))
  expect(transactions.filter(({ isAnswered }) => isAnswered())).toEqual([])
  expect(ends).toMatchObject(endsOf(transactions))
  const committed = transactions.filter(({ events }) => events.some(({ type }) => type === 'committed'))
  for (const { events } of committed) expect(events.map(({ type }) => type)).toContain('unfinished')
  await endWait()
  await expectTruth(transactions)
})

test.each(['pg_cancel_backend', 'pg_terminate_backend'] as const)(
  'a wait for a standby that %s ends is no answer',
  async (how) => {
    await using all = await allWaiting(casesOf('statement_timeout'))
    const { transactions, endWait } = all
    const ends = Promise.all(transactions.map(({ end }) => end))
    await isFoundBefore(ends, async () => {
      await strikeWaiting(bank.pools.log, how)
      return false
    })
    expect(await ends).toMatchObject(endsOf(transactions))
    await endWait()
    await expectTruth(transactions)
  },
)

test('a limit of the session itself ends the wait of COMMIT PREPARED: the record stays until the standby has it', async () => {
  const one = { statement: 'COMMIT PREPARED', limit: 'statement_timeout' } as const
  for (let timeoutMs = 500; ; timeoutMs *= 2) {
    const times = { timeoutMs, graceMs: timeoutMs }
    await using transaction = await stopped(one, times, `SET statement_timeout = ${timeoutMs / 4}`)
    const { coordinator, events, isAnswered } = transaction
    await Promise.race([transaction.there, transaction.end])
    const endWait = await standbyAway(bank.pools.log)
    transaction.letGo()
    const end = await transaction.end
    const isCutShort = isAnswered()
    const records = await coordinator.status()
    await endWait()
    await recoverAll([transaction])
    if (!isCutShort) continue // the machine is too slow for such limits
    expect(end).toMatchObject({ committed: true })
    expect(events.map(({ type }) => type)).toContain('unfinished')
    const { id } = end as { readonly id: string }
    expect(records).toContainEqual(expect.objectContaining({ id, decision: 'commit', prepared: [] }))
    await expectTruth([transaction])
    return
  }
})
