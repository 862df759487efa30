import { createHash } from 'node:crypto'
import type { Pool, PoolClient } from 'pg'
import { inTransaction, type Queryable } from '../../shared/postgres.ts'
import { newId, type PaymentIntent, type Refund } from './objects.ts'
import type { SearchClause } from './search.ts'

export const providerMigrations = [
  `create table provider_intents (
     id text primary key,
     body jsonb not null,
     created_at timestamptz not null default now(),
     seq bigint generated always as identity unique
   );
   create index provider_intents_metadata on provider_intents using gin ((body -> 'metadata') jsonb_path_ops);

   create table provider_refunds (
     id text primary key,
     intent text not null references provider_intents (id),
     amount int not null check (amount > 0),
     body jsonb not null,
     seq bigint generated always as identity unique
   );
   create index provider_refunds_intent on provider_refunds (intent);

   create table provider_keys (
     key text primary key,
     fingerprint text not null,
     status int not null,
     body jsonb not null,
     created_at timestamptz not null default now()
   )`,
]

/** An answer as it was given, to be given again to the same key. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** An intent and the answer that tells of it. */
export interface Told {
  readonly intent: PaymentIntent
  readonly answer: Answer
}

export interface KeyedRequest {
  readonly key: string | undefined
  readonly fingerprint: string
}

/** Same address and same parameters, same fingerprint. */
export function fingerprintOf(path: string, params: unknown): string {
  return createHash('sha256').update(path).update('\0').update(JSON.stringify(params)).digest('hex')
}

/** The key was used before, for something else. */
export class KeyReusedError extends Error {}

export interface ProviderStore {
  /**
   * Does `work` and keeps its answer under the key, in one transaction. A second request with the key
   * waits for the first one and gets its answer.
   *
   * @throws KeyReusedError
   */
  once(
    request: KeyedRequest,
    work: (tx: Queryable) => Promise<Answer>,
  ): Promise<Answer & { replayed: boolean }>
  /**
   * Saves a new intent and the answer that tells of it, in one statement: for the one request that every
   * order makes. The answer is computed before, since the bank keeps nothing of its own.
   *
   * @throws KeyReusedError
   */
  saveOnce(
    request: KeyedRequest & { key: string },
    intent: PaymentIntent,
    answer: Answer,
  ): Promise<Answer & { replayed: boolean }>
  /**
   * Changes an intent and keeps the answer, in two statements: for what most orders need. `change` is pure, and is asked
   * again if somebody else was quicker.
   *
   * @returns `undefined` if there is no such intent.
   * @throws KeyReusedError, and what `change` throws, which is not kept.
   */
  changeOnce(
    request: KeyedRequest,
    id: string,
    change: (intent: PaymentIntent) => Told,
  ): Promise<(Answer & { replayed: boolean }) | undefined>
  intent(id: string, tx?: Queryable): Promise<PaymentIntent | undefined>
  /** Locks the intent until the transaction ends. */
  lockIntent(tx: Queryable, id: string): Promise<PaymentIntent | undefined>
  intents(
    clauses: readonly SearchClause[],
    limit: number,
    startingAfter: string | undefined,
  ): Promise<PaymentIntent[]>
  refunds(intent: string | undefined, limit: number): Promise<Refund[]>
  refund(id: string): Promise<Refund | undefined>
  refundedAmount(tx: Queryable, intent: string): Promise<number>
  saveRefund(tx: Queryable, refund: Refund): Promise<void>
}

/** Of a change that others are quicker with. */
const MAX_ATTEMPTS = 20

export function providerStore(pool: Pool): ProviderStore {
  const first = async <T>(queryable: Queryable, text: string, values: unknown[]): Promise<T | undefined> => {
    const { rows } = await queryable.query<{ body: T }>(text, values)
    return rows[0]?.body
  }
  return {
    async once({ key, fingerprint }, work) {
      return inTransaction(pool, async (tx) => {
        if (key === undefined) return { ...(await work(tx)), replayed: false }
        const before = await claimKey(tx, key, fingerprint)
        if (before !== undefined) return { ...before, replayed: true }
        const answer = await work(tx)
        await tx.query({
          name: 'provider-answer',
          text: 'update provider_keys set status = $2, body = $3 where key = $1',
          values: [key, answer.status, JSON.stringify(answer.body)],
        })
        return { ...answer, replayed: false }
      })
    },

    async saveOnce({ key, fingerprint }, intent, answer) {
      const { rowCount } = await pool.query({
        name: 'provider-save-once',
        text: `with claimed as (
                 insert into provider_keys (key, fingerprint, status, body) values ($1, $2, $3, $4)
                 on conflict (key) do nothing returning key
               )
               insert into provider_intents (id, body) select $5, $6 from claimed`,
        values: [
          key,
          fingerprint,
          answer.status,
          JSON.stringify(answer.body),
          intent.id,
          JSON.stringify(intent),
        ],
      })
      if (rowCount === 1) return { ...answer, replayed: false }
      return { ...(await answerOf(pool, key, fingerprint)), replayed: true }
    },

    async changeOnce({ key = `none:${newId('req')}`, fingerprint }, id, change) {
      const earlier = async () => {
        const answer = await findAnswer(pool, key, fingerprint)
        return answer === undefined ? undefined : { ...answer, replayed: true }
      }
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const before = await first<PaymentIntent>(pool, 'select body from provider_intents where id = $1', [
          id,
        ])
        if (before === undefined) return undefined
        let told: Told
        try {
          told = change(before)
        } catch (error) {
          const answer = await earlier() // to this very request: it has changed the intent already
          if (answer === undefined) throw error
          return answer
        }
        const { rowCount } = await pool.query({
          name: 'provider-change-once',
          text: `with claimed as (
                   insert into provider_keys (key, fingerprint, status, body)
                   select $1, $2, $3::int, $4::jsonb from provider_intents where id = $5 and body = $6 for update
                   on conflict (key) do nothing returning key
                 )
                 update provider_intents set body = $7 from claimed where id = $5`,
          values: [
            key,
            fingerprint,
            told.answer.status,
            JSON.stringify(told.answer.body),
            id,
            JSON.stringify(before),
            JSON.stringify(told.intent),
          ],
        })
        if (rowCount === 1) return { ...told.answer, replayed: false }
        const answer = await earlier()
        if (answer !== undefined) return answer
      }
      throw new Error(`Intent ${id} was changed by others ${MAX_ATTEMPTS} times in a row`)
    },

    intent: (id, tx = pool) =>
      first<PaymentIntent>(tx, 'select body from provider_intents where id = $1', [id]),
    lockIntent: (tx, id) =>
      first<PaymentIntent>(tx, 'select body from provider_intents where id = $1 for update', [id]),

    async intents(clauses, limit, startingAfter) {
      const metadata = Object.fromEntries(
        clauses.flatMap(({ field, key, value }) =>
          field === 'metadata' && key !== undefined ? [[key, value]] : [],
        ),
      )
      const status = clauses.find(({ field }) => field === 'status')?.value ?? null
      const { rows } = await pool.query<{ body: PaymentIntent }>(
        `select body from provider_intents
         where body -> 'metadata' @> $1::jsonb and ($2::text is null or body ->> 'status' = $2)
           and ($3::text is null or seq < (select seq from provider_intents where id = $3))
         order by seq desc limit $4`,
        [JSON.stringify(metadata), status, startingAfter ?? null, limit],
      )
      return rows.map(({ body }) => body)
    },

    async refunds(intent, limit) {
      const { rows } = await pool.query<{ body: Refund }>(
        'select body from provider_refunds where $1::text is null or intent = $1 order by seq desc limit $2',
        [intent ?? null, limit],
      )
      return rows.map(({ body }) => body)
    },

    refund: (id) => first<Refund>(pool, 'select body from provider_refunds where id = $1', [id]),

    async refundedAmount(tx, intent) {
      const { rows } = await tx.query<{ total: number }>(
        'select coalesce(sum(amount), 0)::int as total from provider_refunds where intent = $1',
        [intent],
      )
      return rows[0]?.total ?? 0
    },

    async saveRefund(tx, refund) {
      await tx.query('insert into provider_refunds (id, intent, amount, body) values ($1, $2, $3, $4)', [
        refund.id,
        refund.payment_intent,
        refund.amount,
        JSON.stringify(refund),
      ])
    },
  }
}

/** Takes the key; the answer it got already if it is taken. Waits for a transaction that is at it. */
async function claimKey(tx: PoolClient, key: string, fingerprint: string): Promise<Answer | undefined> {
  const { rowCount } = await tx.query({
    name: 'provider-claim',
    text: `insert into provider_keys (key, fingerprint, status, body) values ($1, $2, 0, 'null') on conflict (key) do nothing`,
    values: [key, fingerprint],
  })
  if (rowCount === 1) return undefined
  return answerOf(tx, key, fingerprint)
}

/** What the key got before. @throws KeyReusedError if that was another request, or nothing. */
async function answerOf(queryable: Queryable, key: string, fingerprint: string): Promise<Answer> {
  const answer = await findAnswer(queryable, key, fingerprint)
  if (answer === undefined) throw new KeyReusedError()
  return answer
}

/** @throws KeyReusedError if the key was another request's. */
async function findAnswer(
  queryable: Queryable,
  key: string,
  fingerprint: string,
): Promise<Answer | undefined> {
  const { rows } = await queryable.query<Answer & { fingerprint: string }>(
    'select fingerprint, status, body from provider_keys where key = $1',
    [key],
  )
  const before = rows[0]
  if (before === undefined) return undefined
  if (before.fingerprint !== fingerprint) throw new KeyReusedError()
  return { status: before.status, body: before.body }
}
