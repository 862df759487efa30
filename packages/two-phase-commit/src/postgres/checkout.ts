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
  /** For the caller's own statements, which are waited for elsewhere. */
  readonly client: PgPoolClient
  #isOut = true
  #isBusy = false
  /** What `synchronous_commit` was before it was raised for this session. */
  #wasSynchronous: string | undefined
  /** Of the last statement that must survive; listens from the first one on. */
  #warnings: string[] | undefined

  constructor(client: PgPoolClient) {
    this.client = client
  }

  /** @throws whatever the pool says; the deadline's reason. A connection that comes later goes straight back. */
  static from(pool: PgPool, deadline: Deadline): Promise<Checkout> {
    if (deadline.isOver) return Promise.reject(deadline.reason)
    return deadline.wait(takeConnection(pool, ignore), giveBack).then(checkoutOf)
  }

  /** Cannot be used any more, or never could. */
  get isGone(): boolean {
    return !this.#isOut || this.#isBusy
  }

  /** One statement, or several in one message. */
  query<Row = Record<string, unknown>>(text: string, deadline: Deadline): Promise<readonly PgResult<Row>[]> {
    return this.#ask(text, deadline, undefined)
  }

  /** As {@link query}, for what must survive: an answer with a warning is none. */
  durably<Row = Record<string, unknown>>(
    text: string,
    deadline: Deadline,
  ): Promise<readonly PgResult<Row>[]> {
    if (this.#warnings === undefined) this.client.on('notice', this.#note)
    return this.#ask(text, deadline, (this.#warnings = []))
  }

  /** By hand, since it is most of what a transaction costs its process: no promise more than it takes. */
  #ask<Row>(
    text: string,
    deadline: Deadline,
    warnings: readonly string[] | undefined,
  ): Promise<readonly PgResult<Row>[]> {
    this.#isBusy = true
    return new Promise((resolve, reject) => {
      deadline.add(reject)
      this.client.query(text).then(
        (value) => {
          this.#isBusy = false
          if (!deadline.remove(reject)) return // nobody waits any more
          if (warnings !== undefined && warnings.length > 0)
            reject(new DoubtfulAnswerError(warnings.join('; ')))
          else resolve((Array.isArray(value) ? value : [value]) as PgResult<Row>[])
        },
        (error: unknown) => {
          this.#isBusy = false
          if (deadline.remove(reject)) reject(error)
        },
      )
    })
  }

  readonly #note = ({ code, message, where }: PgNotice): void => {
    // A COMMIT whose wait for the standbys was cancelled (01000), or ended by the administrator (57P01). What a function
    // remarks, as a trigger at the end can, comes with where it did.
    if (where) return
    if (code === '01000' || code?.startsWith('57P') === true) this.#warnings?.push(message ?? '')
  }

  /** The session's commits wait for the disk and the standbys from now on; `was` is put back on release. */
  raised(was: string | undefined): void {
    this.#wasSynchronous ??= was
  }

  /** Gives it back, once. */
  release(destroy = false): void {
    if (!this.#isOut) return
    this.#isOut = false
    if (this.#warnings !== undefined) this.client.removeListener('notice', this.#note)
    if (destroy || this.#isBusy) this.client.release(true) // with its listener: its death throes come later
    else if (this.#wasSynchronous === undefined) giveBack(this.client)
    else
      this.client.query(`SET synchronous_commit TO ${this.#wasSynchronous}`).then(
        () => giveBack(this.client),
        () => this.client.release(true),
      )
  }
}

const checkoutOf = (client: PgPoolClient): Checkout => new Checkout(client)

function giveBack(client: PgPoolClient): void {
  client.removeListener('error', ignore)
  client.release(false)
}

function ignore(): void {}
