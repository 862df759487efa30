import { checkNames, type Clock } from '@quorate/core'
import { CommitUnknownError, PrimaryUnavailableError } from './errors.ts'
import type { Position } from './position.ts'
import type { Checkout } from './postgres/checkout.ts'
import { serverFailure, wasNotSent } from './postgres/failures.ts'
import type { PgResult } from './postgres/port.ts'
import { positionAfterStatement, positionSeenOnPrimary } from './postgres/sql.ts'
import type { Session } from './session.ts'
import { commitOrTell, lostBeforeCommit, rollback } from './transaction.ts'
import type { Deadline, UnderWay } from './under-way.ts'

/** Options of {@link ReadYourWrites.lease}. */
export interface LeaseOptions {
  /** Ends the wait for the connection. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link PrimaryLease.commit}. */
export interface LeaseCommitOptions {
  /** Whose token moves. Default: the session of {@link ReadYourWrites.run} that this runs in. */
  readonly session?: Session | undefined
}

/** Options of {@link PrimaryLease.execute}. */
export interface LeaseExecuteOptions extends LeaseCommitOptions {
  /** The statement only reads: the token moves to what it may have seen. Default `false`. */
  readonly reads?: boolean | undefined
}

/**
 * A connection to the primary, kept from call to call: for integrations whose transactions begin in one
 * function and end in another. One statement at a time.
 *
 * free ─ begin ─▶ in a transaction ─ commit | rollback ─▶ free ─ release ─▶ gone
 */
export interface PrimaryLease {
  /**
   * Runs a statement of a transaction.
   *
   * @throws PrimaryUnavailableError if the connection breaks, or the server falls silent.
   */
  query(text: string, values?: readonly unknown[]): Promise<PgResult>
  /**
   * Runs one statement that commits itself, and moves the session's token to where it can be seen. The
   * position is asked for in a message of its own: two where a transaction takes three.
   *
   * @throws CommitUnknownError if the connection breaks, or the server falls silent: outcome `unknown`.
   */
  execute(text: string, values?: readonly unknown[], options?: LeaseExecuteOptions): Promise<PgResult>
  /** @param text the whole statement. Default `BEGIN`. */
  begin(text?: string): Promise<void>
  /**
   * Commits, with the position in the same message, and moves the session's token.
   *
   * @throws TransactionAbortedError if the error of a statement was swallowed; it is rolled back.
   * @throws CommitUnknownError if no answer came after COMMIT was sent: outcome `unknown`.
   * @throws PrimaryUnavailableError if the connection was lost before.
   */
  commit(options?: LeaseCommitOptions): Promise<void>
  /** Rolls back, and never fails: a connection that takes no ROLLBACK is closed, which does as well. */
  rollback(): Promise<void>
  /** Gives the connection back, once; one that is broken, or in a transaction, is closed. */
  release(): void
}

/** What a lease is made of. */
export interface LeaseParts {
  readonly checkout: Checkout
  readonly clock: Clock
  readonly commitDeadlineMs: number
  /** Ends the waits when the server has gone. */
  readonly running: UnderWay
  /**
   * Asked before a statement runs, since a wrong session must not be found out after it.
   *
   * @returns what is told the position that the session has written up to, or seen.
   */
  readonly recorderFor: (session: Session | undefined) => (position: Position, wrote: boolean) => void
}

const COMMIT_OPTIONS: readonly (keyof LeaseCommitOptions)[] = ['session']
const EXECUTE_OPTIONS: readonly (keyof LeaseExecuteOptions)[] = ['session', 'reads']

/** {@link PrimaryLease} on a connection of a pool. */
export class CheckedOutLease implements PrimaryLease {
  readonly #parts: LeaseParts
  /** Given back only by {@link release}; what breaks it is remembered until then. */
  readonly #checkout: Checkout
  #inTransaction = false
  #broken = false

  constructor(parts: LeaseParts) {
    this.#parts = parts
    const { client, facts } = parts.checkout
    this.#checkout = { client, facts, release: (destroy = false) => void (this.#broken ||= destroy) }
  }

  async query(text: string, values: readonly unknown[] = []): Promise<PgResult> {
    try {
      return await this.#ask(text, values)
    } catch (error) {
      if (!this.#broken || error instanceof PrimaryUnavailableError) throw error
      throw lostBeforeCommit(error)
    }
  }

  async execute(
    text: string,
    values: readonly unknown[] = [],
    options: LeaseExecuteOptions = {},
  ): Promise<PgResult> {
    checkNames('execute the statement', options, EXECUTE_OPTIONS)
    const { session, reads = false } = options
    const record = this.#parts.recorderFor(session)
    const { client, facts } = this.#checkout
    let ran = false
    try {
      const results = await this.#askAll(text, values)
      ran = true
      const result = lastOf(results)
      const position = reads
        ? positionSeenOnPrimary(client, facts)
        : positionAfterStatement(client, facts, results.length > 1 ? 'several' : result.command)
      record(await this.#until(position, this.#commitDeadline()), !reads)
      return result
    } catch (error) {
      if (reads || !this.#broken) throw error
      if (!ran && wasNotSent(error)) throw lostBeforeCommit(error)
      throw new CommitUnknownError(error)
    }
  }

  async begin(text = 'BEGIN'): Promise<void> {
    await this.query(text)
    this.#inTransaction = true
  }

  async commit(options: LeaseCommitOptions = {}): Promise<void> {
    checkNames('commit', options, COMMIT_OPTIONS)
    const record = this.#parts.recorderFor(options.session)
    this.#inTransaction = false
    if (this.#broken) throw lostBeforeCommit()
    const { running } = this.#parts
    record(
      await commitOrTell(this.#checkout, { running, commitDeadline: () => this.#commitDeadline() }),
      true,
    )
  }

  async rollback(): Promise<void> {
    if (!this.#inTransaction) return
    this.#inTransaction = false
    if (!this.#broken) await rollback(this.#checkout, this.#parts.running)
  }

  release(): void {
    this.#parts.checkout.release(this.#broken || this.#inTransaction)
  }

  async #ask(text: string, values: readonly unknown[]): Promise<PgResult> {
    return lastOf(await this.#askAll(text, values))
  }

  /** Several statements in one text answer with a list. */
  async #askAll(text: string, values: readonly unknown[]): Promise<readonly PgResult[]> {
    const answer = await this.#until(this.#checkout.client.query(text, [...values]))
    return (Array.isArray(answer) ? answer : [answer]) as readonly PgResult[]
  }

  async #until<T>(answer: Promise<T>, deadline?: Deadline): Promise<T> {
    try {
      return await this.#parts.running.until(answer, {
        deadline,
        abandon: () => void (this.#broken = true), // still busy
      })
    } catch (error) {
      if (serverFailure(error) === 'lost') this.#broken = true
      throw error
    }
  }

  #commitDeadline(): Deadline {
    const { clock, commitDeadlineMs } = this.#parts
    return {
      atMs: clock.monotonic() + commitDeadlineMs,
      error: () => new PrimaryUnavailableError(`COMMIT took longer than ${commitDeadlineMs} ms`),
    }
  }
}

const lastOf = (results: readonly PgResult[]): PgResult => results.at(-1) as PgResult
