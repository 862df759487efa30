import { hasAcceptedErrors } from './accepted-errors.ts'
import { promised } from './check-call.ts'
import type { PrimaryReason } from './events.ts'
import { movesToken } from './level.ts'
import { checkOut, type Checkout } from './postgres/checkout.ts'
import { serverFailure, type ServerFailure } from './postgres/failures.ts'
import { positionSeenOnReplica } from './postgres/sql.ts'
import { LentQueryable } from './queryable.ts'
import { leadsTo, ReplicaDownError, type Replica, type ReplicaSample } from './replica.ts'
import type { ReadRequest } from './router.ts'
import { inSnapshot } from './transaction.ts'
import type { Deadline, UntilOptions } from './under-way.ts'

/** The outcome of a try on one server. */
export type Try<T> =
  | { readonly done: true; readonly value: T }
  | { readonly done: false; readonly reason: PrimaryReason }

const FAILED: Try<never> = { done: false, reason: 'replica-failed' }

/**
 * One try of a read on one replica, and how it is waited for. All in one wait: each layer of promises costs
 * about as much as choosing the replica.
 */
export class ReplicaTry<T> implements UntilOptions {
  readonly signal: AbortSignal | undefined
  /** For the connection. Queries may take long; what ends them is that the replica goes down. */
  deadline: Deadline | undefined
  readonly #request: ReadRequest<T>
  readonly #replica: Replica
  #checkout: Checkout | undefined
  #lent: LentQueryable | undefined
  #isAbandoned = false

  constructor(request: ReadRequest<T>, replica: Replica, connectByMs: number) {
    this.#request = request
    this.#replica = replica
    this.signal = request.signal
    this.deadline = { atMs: connectByMs, error: replicaDown }
  }

  /** What is wrong with the server, if the try has thrown this. */
  failureOf(error: unknown): ServerFailure {
    if (error instanceof ReplicaDownError) return 'lost'
    return this.#lent === undefined ? serverFailure(error) : this.#lent.failure
  }

  /** Called when nobody waits any more. */
  abandon(): void {
    this.#isAbandoned = true
    this.#lent?.end()
    this.#checkout?.release(true) // still busy with the query
  }

  async run(): Promise<Try<T>> {
    // What it was chosen by: while this waits for a connection, there may be another one, of another run.
    const { pool, sample } = this.#replica
    const checkout = await checkOut(pool, undefined)
    if (this.#isAbandoned || sample === undefined || !leadsTo(checkout.facts, sample)) {
      checkout.release()
      return FAILED
    }
    this.deadline = undefined
    this.#checkout = checkout
    const isTransaction = this.#request.snapshot !== undefined
    const lent = new LentQueryable(checkout.client, { isTransaction })
    this.#lent = lent
    let isLost = true
    try {
      const { work, snapshot, session, level } = this.#request
      const value =
        snapshot === undefined
          ? await promised('read', work(lent))
          : await inSnapshot(checkout, lent, snapshot, work)
      // The callback has swallowed an error, and what it returns may lack what another server has.
      if (lent.isIncomplete && !hasAcceptedErrors(lent)) {
        isLost = lent.failure === 'lost'
        return lent.failure === 'wrote' ? { done: false, reason: 'wrote' } : FAILED
      }
      if (session !== undefined && movesToken(level)) await this.#follow(checkout, lent, sample)
      isLost = lent.failure === 'lost'
      return { done: true, value }
    } catch (error) {
      isLost = this.failureOf(error) === 'lost'
      throw error
    } finally {
      lent.end()
      checkout.release(isLost)
    }
  }

  /** Moves the session to what it has seen. */
  async #follow({ client, facts }: Checkout, lent: LentQueryable, sample: ReplicaSample): Promise<void> {
    const seen = await lent.watch(positionSeenOnReplica(client, facts, sample.last))
    // Nobody knows what it has shown, so nobody could hold later reads to it.
    if (seen === undefined) throw new ReplicaDownError()
    if (!this.#isAbandoned) this.#request.session?.advance(seen, false)
  }
}

const replicaDown = (): Error => new ReplicaDownError()
