/**
 * Batch: group commit. Who asks while a transaction is under way waits for the next one, which judges them all, first come
 * first served: one lock, one change of the hot row and one flush to disk for hundreds of customers, and each
 * its own yes or no.
 *
 * `hotRowBatcher()` does that for a bare counter. Here a crash between its UPDATE and the rows that say whose the units
 * are would lose units, so the rows are part of the transaction.
 */
import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../../../shared/postgres.ts'
import { unavailable } from '../../../shared/problem.ts'
import { changeRows, lockShelves, writeDown } from '../movements.ts'
import { type KnownReservation, knownAnswer, type Reservation, type Reserved } from '../reservations.ts'
import { groupCommit } from './group-commit.ts'
import { judge, type Judgement } from './judge.ts'
import type { Taking } from './taking.ts'

/** Order lines in one transaction: some tens of milliseconds of work for the server. */
const MAX_LINES = 2_000
const LINES_OF_AN_ORDER = 5
/** Some seconds of work: who comes later would be gone before their turn. */
const MAX_WAITING = 10_000
/** The server ends a transaction whose process is stuck, and with it the locks. */
const BEGIN = `begin; set local idle_in_transaction_session_timeout = '4s'`
/** Somebody else took one of the ids while we judged: rare, and the next look knows it. */
const ATTEMPTS = 5

export function batchTaking(pool: Pool): Taking {
  const limits = { maxWeight: MAX_LINES, maxWaiting: MAX_WAITING, isOfOne: isRefused }
  const reserves = groupCommit((requests: readonly Reservation[]) => reserveAll(pool, requests), {
    ...limits,
    weigh: ({ lines }) => lines.length,
  })
  // How many lines an order has is not known before it is read.
  const commits = groupCommit((ids: readonly string[]) => commitAll(pool, ids), {
    ...limits,
    weigh: () => LINES_OF_AN_ORDER,
  })
  return {
    reserve: (reservation) => reserves.ask(reservation),
    commit: (id) => commits.ask(id),
    async [Symbol.asyncDispose]() {
      await Promise.all([reserves[Symbol.asyncDispose](), commits[Symbol.asyncDispose]()])
    },
  }
}

async function reserveAll(pool: Pool, requests: readonly Reservation[]): Promise<readonly Reserved[]> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      return await inTransaction(pool, (tx) => tryAll(tx, requests), BEGIN)
    } catch (error) {
      if (!(error instanceof IdTakenError)) throw error
    }
  }
  throw unavailable('A reservation that others are making at the same time', undefined)
}

/** The server does not take a value, as a sku with a NUL in it: SQLSTATE classes 22 and 23, Postgres manual, appendix A. */
function isRefused(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^2[23][0-9A-Z]{3}$/.test(code)
}

/** Rolls the transaction back. */
class IdTakenError extends Error {
  override readonly name = 'IdTakenError'
}

/** @throws IdTakenError if somebody took one of the ids in this moment. */
async function tryAll(tx: PoolClient, requests: readonly Reservation[]): Promise<readonly Reserved[]> {
  const skus = new Set(requests.flatMap(({ lines }) => lines.map(({ sku }) => sku)))
  const shelves = await lockShelves(tx, [...skus])
  const known = await readKnown(tx, requests)
  const asked = requests.filter(({ id }) => !known.has(id))
  const judgement = judge(asked, shelves)
  if (judgement.granted.length > 0) await write(tx, judgement)

  const verdicts = judgement.verdicts.values()
  return requests.map(({ id }) => {
    const before = known.get(id)
    if (before !== undefined) return knownAnswer(before)
    const verdict = verdicts.next().value
    return verdict?.type === 'short' ? { short: verdict.short } : { status: 'reserved' }
  })
}

async function readKnown(
  tx: PoolClient,
  requests: readonly Reservation[],
): Promise<Map<string, KnownReservation>> {
  const { rows } = await tx.query<KnownReservation & { id: string }>({
    name: 'inventory-known',
    text: 'select id, status, lines, short from reservations where id = any($1::text[])',
    values: [requests.map(({ id }) => id)],
  })
  return new Map(rows.map((row) => [row.id, row]))
}

async function write(tx: PoolClient, { granted, taken }: Judgement): Promise<void> {
  // In one order, so that two batches with the same ids do not deadlock.
  const sorted = granted.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const { rowCount } = await tx.query({
    name: 'inventory-claim-all',
    text: `insert into reservations (id, status, lines)
           select id, 'reserved', lines from unnest($1::text[], $2::jsonb[]) as held (id, lines)
           on conflict (id) do nothing`,
    values: [sorted.map(({ id }) => id), sorted.map(({ lines }) => JSON.stringify(lines))],
  })
  if (rowCount !== granted.length) throw new IdTakenError()
  await changeRows(tx, 'reserve', taken)
  await writeDown(
    tx,
    'reserve',
    granted.flatMap(({ id, lines }) => lines.map((line) => ({ ...line, ref: id }))),
  )
}

/** What these reservations hold is sold. @returns for each whether it held anything. */
async function commitAll(pool: Pool, ids: readonly string[]): Promise<readonly boolean[]> {
  return inTransaction(
    pool,
    async (tx) => {
      const { rows: held } = await tx.query<Reservation>({
        name: 'inventory-held',
        text: `select id, lines from reservations where id = any($1::text[]) and status = 'reserved' order by id for update`,
        values: [ids],
      })
      if (held.length > 0) await sell(tx, held)
      const sold = new Set(held.map(({ id }) => id))
      return ids.map((id) => sold.has(id))
    },
    BEGIN,
  )
}

async function sell(tx: PoolClient, held: readonly Reservation[]): Promise<void> {
  const units = new Map<string, number>()
  for (const { lines } of held) {
    for (const { sku, quantity } of lines) units.set(sku, (units.get(sku) ?? 0) + quantity)
  }
  await lockShelves(tx, [...units.keys()])
  await changeRows(tx, 'commit', units)
  await tx.query({
    name: 'inventory-committed',
    text: `update reservations set status = 'committed', updated_at = now() where id = any($1::text[])`,
    values: [held.map(({ id }) => id)],
  })
  await writeDown(
    tx,
    'commit',
    held.flatMap(({ id, lines }) => lines.map((line) => ({ ...line, ref: id }))),
  )
}
