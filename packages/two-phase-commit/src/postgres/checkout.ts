import { takeConnection } from '@quorate/core'
import type { Deadline } from '../deadline.ts'
import type { PgNotice, PgPool, PgPoolClient, PgResult } from './port.ts'

/** A server finished what it was asked, and warned: the standbys may not have it. As good as no answer. */
export class DoubtfulAnswerError extends Error {
  constructor(warning: string) {
    super(`The server answered with a warning: ${warning}`)
    this.name = 'DoubtfulAnswerError'
  }
}

/** A connection in use. After a wait for it that was cut short it is closed, never given back. */
export class Checkout {
  readonly #client: PgPoolClient
  #isOut = true
  #isBusy = false
  /** What `synchronous_commit` was before it was raised for this session. */
  #wasSynchronous: string | undefined

  private constructor(client: PgPoolClient) {
    this.#client = client
  }

  /** @throws whatever the pool says; the deadline's reason. A connection that comes later goes straight back. */
  static async from(pool: PgPool, deadline: Deadline): Promise<Checkout> {
    deadline.throwIfOver()
    const giveBack = (late: PgPoolClient): void => {
      late.removeListener('error', ignore)
      late.release()
    }
    return new Checkout(await deadline.wait(takeConnection(pool, ignore), giveBack))
  }

  /** Cannot be used any more, or never could. */
  get isGone(): boolean {
    return !this.#isOut || this.#isBusy
  }

  /** For the caller's own statements, which are waited for elsewhere. */
  get client(): PgPoolClient {
    return this.#client
  }

  /** One statement, or several in one message. */
  async query<Row = Record<string, unknown>>(
    text: string,
    deadline: Deadline,
  ): Promise<readonly PgResult<Row>[]> {
    this.#isBusy = true
    const answer = (await deadline.wait(this.#client.query(text).finally(() => (this.#isBusy = false)))) as
      | PgResult<Row>
      | PgResult<Row>[]
    return Array.isArray(answer) ? answer : [answer]
  }

  /** As {@link query}, for what must survive: an answer with a warning is none. */
  async durably<Row = Record<string, unknown>>(
    text: string,
    deadline: Deadline,
  ): Promise<readonly PgResult<Row>[]> {
    const warnings: string[] = []
    const note = (notice: PgNotice): void => {
      // A COMMIT whose wait for the standbys was cancelled (01000), or ended by the administrator (57P01). What a
      // function remarks, as a trigger at the end can, comes with where it did.
      if (notice.where) return
      if (notice.code === '01000' || notice.code?.startsWith('57P') === true)
        warnings.push(notice.message ?? '')
    }
    this.#client.on('notice', note)
    try {
      const answers = await this.query<Row>(text, deadline)
      if (warnings.length > 0) throw new DoubtfulAnswerError(warnings.join('; '))
      return answers
    } finally {
      this.#client.removeListener('notice', note)
    }
  }

  /** The session's commits wait for the disk and the standbys from now on; `was` is put back on release. */
  raised(was: string | undefined): void {
    this.#wasSynchronous ??= was
  }

  /** Gives it back, once. */
  release(destroy = false): void {
    if (!this.#isOut) return
    this.#isOut = false
    const back = (isBroken: boolean): void => {
      if (!isBroken) this.#client.removeListener('error', ignore) // else its death throes come later
      this.#client.release(isBroken)
    }
    if (destroy || this.#isBusy) back(true)
    else if (this.#wasSynchronous === undefined) back(false)
    else
      this.#client.query(`SET synchronous_commit TO ${this.#wasSynchronous}`).then(
        () => back(false),
        () => back(true),
      )
  }
}

function ignore(): void {}
