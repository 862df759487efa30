import type { Deadline } from '../deadline.ts'
import { VoteNo } from '../drive.ts'
import { CannotPrepareError, PreparedTransactionsFullError, TransactionAbortedError } from '../errors.ts'
import type { Decision } from '../machine.ts'
import { Checkout } from './checkout.ts'
import { isNoSuchPrepared, isNotAllowed, isRefusal, sqlState } from './failures.ts'
import { LentQueryable } from './lent.ts'
import type { PgPool } from './port.ts'
import { howToBegin, remember, type Session, sessionOf } from './session.ts'
import * as sql from './sql.ts'

/** What a session says of itself at its first BEGIN. */
interface Shown {
  readonly server_version_num?: string
  readonly synchronous_commit?: string
}

/** One participant's part in one transaction. */
export class Branch {
  readonly name: string
  readonly #pool: PgPool
  readonly checkout: Checkout
  readonly lent: LentQueryable
  /** `sent`: PREPARE may yet be carried out. */
  #prepare: 'none' | 'sent' | 'refused' | 'done' = 'none'
  /** Ends with the answer to PREPARE, or with the wait for it. */
  #preparing: Promise<void> | undefined
  #session: Session | undefined

  constructor(name: string, pool: PgPool, checkout: Checkout) {
    this.name = name
    this.#pool = pool
    this.checkout = checkout
    this.lent = new LentQueryable(checkout.client)
  }

  /** @throws if it does not answer. */
  async begin(limits: sql.Limits, deadline: Deadline): Promise<void> {
    const { client } = this.checkout
    const known = sessionOf(client)
    this.#session = known
    const answers = await this.checkout.query<Shown>(sql.beginSql(limits, howToBegin(known)), deadline)
    if (known !== undefined) return
    const shown = Object.assign({}, ...answers.map(({ rows }) => rows[0])) as Shown
    this.#session = remember(client, shown.server_version_num, shown.synchronous_commit)
  }

  /** Has it changed or locked anything that must be decided on? @throws TransactionAbortedError; or it does not answer. */
  async hasWritten(deadline: Deadline): Promise<boolean> {
    if (this.lent.hasWritten) return true
    try {
      const [answer] = await this.checkout.query<{ wrote: boolean }>(sql.HAS_WRITTEN, deadline)
      return answer?.rows[0]?.wrote === true
    } catch (error) {
      throw isRefusal(error) ? this.#aborted(error) : error
    }
  }

  /** For one that only read, and for the only one that wrote. @throws TransactionAbortedError; or it is not known. */
  async commit(deadline: Deadline): Promise<void> {
    let command: string | undefined
    try {
      command = (await this.checkout.durably(sql.COMMIT, deadline)).at(-1)?.command
    } catch (error) {
      this.checkout.release(true)
      if (!isRefusal(error)) throw error
      throw this.#aborted(error)
    }
    this.checkout.release()
    if (command !== 'COMMIT') throw this.#aborted(undefined)
  }

  /** @throws VoteNo when it is not prepared and never will be. */
  prepare(gid: string, deadline: Deadline): Promise<void> {
    this.#prepare = 'sent'
    return (this.#preparing = this.#askToPrepare(gid, deadline))
  }

  async #askToPrepare(gid: string, deadline: Deadline): Promise<void> {
    try {
      const answers = await this.checkout.durably(sql.prepareSql(gid), deadline)
      const command = answers.at(-1)?.command
      // A failed transaction answers PREPARE with ROLLBACK, and no error.
      if (command !== 'PREPARE' && command !== 'PREPARE TRANSACTION') {
        this.#prepare = 'refused'
        throw new VoteNo('no', { cause: this.#aborted(undefined) })
      }
      this.#prepare = 'done'
    } catch (error) {
      if (error instanceof VoteNo || !isRefusal(error)) throw error
      this.#prepare = 'refused'
      throw new VoteNo('no', { cause: this.#refused(error) })
    }
    // In a message of its own: what fails in one with PREPARE would leave open whether that was done.
    if (this.#mayBeWeak) await this.#raise(deadline)
  }

  /** May its COMMIT PREPARED not wait for the standbys? */
  get #mayBeWeak(): boolean {
    return this.lent.hasChangedSettings || this.#session?.isWeak !== false
  }

  /** The session shall commit what it prepared for good; if it cannot be made to, another one does it. */
  async #raise(deadline: Deadline): Promise<void> {
    try {
      this.checkout.raised(
        (await this.checkout.query<{ was: string }>(sql.raiseSql(), deadline)).at(-1)?.rows[0]?.was,
      )
    } catch {
      this.checkout.release(true)
    }
  }

  /** Carries out a decision that stands. @throws if that is not certain. */
  async finish(gid: string, decision: Decision, deadline: Deadline): Promise<void> {
    // Another has said no. What is under way cannot be called back: on another connection nothing would be there to end
    // yet, and it would hold its locks until recovery looks again.
    if (this.#prepare === 'sent' && this.#preparing !== undefined)
      await deadline.wait(this.#preparing).catch(() => {})
    if (this.#prepare === 'none' || this.#prepare === 'refused') {
      await this.rollback(deadline)
      return
    }
    if (this.#prepare === 'done' && !this.checkout.isGone) {
      try {
        await this.checkout.durably(sql.finishSql(gid, decision), deadline)
        this.checkout.release()
        return
      } catch (error) {
        // Once more, on another connection. What the server refused leaves this one fit for others.
        this.checkout.release(!isRefusal(error))
      }
    }
    this.checkout.release(true)
    await finishPrepared(this.#pool, gid, decision, deadline, this.#prepare === 'done')
  }

  /** Never fails: a connection that takes no ROLLBACK is closed, and its transaction ends with it. */
  async rollback(deadline: Deadline): Promise<void> {
    // A ROLLBACK would wait behind the statement; without a connection it ends at its timeout.
    if (this.checkout.isGone || this.lent.isBusy) {
      this.checkout.release(true)
      return
    }
    try {
      await this.checkout.query('ROLLBACK', deadline)
      this.checkout.release()
    } catch {
      this.checkout.release(true)
    }
  }

  /** Why the transaction had failed before, if that is what the server says (25P02). */
  causeOf(error: unknown): unknown {
    return error === undefined || sqlState(error) === '25P02' ? (this.lent.failure ?? error) : error
  }

  #aborted(error: unknown): TransactionAbortedError {
    const cause = this.causeOf(error)
    return new TransactionAbortedError(`a statement or a constraint failed on ${this.name}`, {
      participant: this.name,
      cause,
    })
  }

  #refused(error: unknown): Error {
    const state = sqlState(error)
    if (state === '0A000' && error instanceof Error) return new CannotPrepareError(this.name, error)
    if (state === '53200' || state === '53400') return new PreparedTransactionsFullError(this.name, error)
    return this.#aborted(error)
  }
}

/**
 * Ends a prepared transaction from a connection of its own.
 *
 * @param wasPrepared it is known to have been prepared. Then one that is not there has been ended, which the standbys
 *   must know before it counts. If it is not known, it may yet appear.
 * @returns whether it was there to end.
 * @throws if it is not certain.
 */
export async function finishPrepared(
  pool: PgPool,
  gid: string,
  decision: Decision,
  deadline: Deadline,
  wasPrepared: boolean,
): Promise<boolean> {
  const checkout = await Checkout.from(pool, deadline)
  let isFine = false
  try {
    const raised = await checkout.query<{ was: string }>(sql.raiseSql(), deadline)
    checkout.raised(raised.at(-1)?.rows[0]?.was)
    let wasThere = true
    try {
      await checkout.durably(sql.finishSql(gid, decision), deadline)
    } catch (error) {
      if (isNotAllowed(error)) await finishAsOwner(checkout, gid, decision, deadline)
      else if (isNoSuchPrepared(error) && wasPrepared) {
        wasThere = false
        await checkout.durably(sql.BARRIER, deadline)
      } else throw error
    }
    isFine = true
    return wasThere
  } finally {
    checkout.release(!isFine)
  }
}

/** It was prepared under a role that the callback had taken, as for row-level security; only that may end it. */
async function finishAsOwner(
  checkout: Checkout,
  gid: string,
  decision: Decision,
  deadline: Deadline,
): Promise<void> {
  const [answer] = await checkout.query<{ owner: string; was: string }>(sql.ownerSql(gid), deadline)
  const { owner, was } = answer?.rows[0] ?? {}
  if (owner === undefined || was === undefined) throw new Error(`${gid} is not prepared any more`)
  await checkout.query(sql.setRoleSql(owner), deadline)
  await checkout.durably(sql.finishSql(gid, decision), deadline)
  await checkout.query(sql.setRoleSql(was), deadline)
}
