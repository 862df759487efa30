import { sqlState } from './failures.ts'
import type { PgPoolClient, PgResult, Queryable } from './port.ts'
import { forget } from './session.ts'
import { lookAt } from './statements.ts'

/** Tags of statements that certainly make the transaction one that wrote. */
const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/**
 * A client as `work` gets it: no end of the transaction, no use after `work`. Statements that are run at once are sent
 * one after the other, each when the one before it is answered, failed or not: drivers will not queue them for ever.
 */
export class LentQueryable implements Queryable {
  readonly #client: PgPoolClient
  #isOver = false
  /** Known without asking; `false` means nothing. */
  hasWritten = false
  /** A statement may have changed how the session commits. */
  hasChangedSettings = false
  /** The last error of a statement, but for those that only say that there was one before (25P02). */
  failure: unknown
  /** Statements that are not answered yet, and their answers, in order. */
  #open = 0
  readonly #answers: Promise<unknown>[] = []

  constructor(client: PgPoolClient) {
    this.#client = client
  }

  /** There are statements that are not answered yet. */
  get isBusy(): boolean {
    return this.#open > 0
  }

  /**
   * Refuses what comes from now on, and what has not been sent. Who does not wait for a statement is not told by it that
   * it failed: its transaction does that.
   */
  end(): void {
    this.#isOver = true
    for (const answer of this.#answers) answer.catch(() => {})
  }

  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<PgResult<Row>> {
    try {
      this.#check(text, values)
    } catch (error) {
      return Promise.reject(error)
    }
    const copy = values === undefined ? undefined : [...values]
    const before = this.#answers.at(-1)
    let answer: Promise<unknown>
    if (this.#open++ === 0 || before === undefined) {
      this.#answers.length = 0
      answer = this.#send(text, copy)
    } else {
      const inTurn = (): Promise<unknown> => {
        if (!this.#isOver) return this.#send(text, copy)
        this.#open--
        throw new TypeError(OVER)
      }
      answer = before.then(inTurn, inTurn)
    }
    this.#answers.push(answer)
    return answer as Promise<PgResult<Row>>
  }

  /** Also what a driver throws comes as a rejection. */
  #send(text: string, values: unknown[] | undefined): Promise<unknown> {
    try {
      return this.#client.query(text, values).then(this.#answered, this.#failed)
    } catch (error) {
      return Promise.reject(error).catch(this.#failed)
    }
  }

  readonly #answered = (answer: unknown): unknown => {
    this.#open--
    this.#note(answer as PgResult | PgResult[])
    return answer
  }

  readonly #failed = (error: unknown): never => {
    this.#open--
    if (this.failure === undefined || sqlState(error) !== '25P02') this.failure = error
    throw error
  }

  /** @throws TypeError unless it may be sent. */
  #check(text: string, values: readonly unknown[] | undefined): void {
    if (this.#isOver) throw new TypeError(OVER)
    if (typeof text !== 'string') {
      throw new TypeError(`Cannot run a statement: it must be a text, got ${typeof text}`)
    }
    if (values !== undefined && !Array.isArray(values)) {
      throw new TypeError(`Cannot run a statement: its values must be an array, got ${typeof values}`)
    }
    const { steers, hidesWarnings, changesSettings } = lookAt(text)
    if (hidesWarnings) {
      throw new TypeError(
        `Cannot run ${JSON.stringify(text.trim().slice(0, 40))}: a coordinator must hear the warnings of the server; leave client_min_messages as it is`,
      )
    }
    if (steers) {
      throw new TypeError(
        `Cannot run ${JSON.stringify(text.trim().slice(0, 40))}: the coordinator begins and ends the transaction; ` +
          'throw to roll back, return to commit',
      )
    }
    if (changesSettings) {
      this.hasChangedSettings = true
      forget(this.#client)
    }
  }

  #note(answer: PgResult | PgResult[]): void {
    // NOTIFY writes nothing, and yet must not be heard of a transaction that aborts.
    if (Array.isArray(answer)) this.hasWritten ||= answer.some(({ command }) => command === 'NOTIFY')
    else if (answer.command === 'NOTIFY' || (WRITES.has(answer.command) && (answer.rowCount ?? 0) > 0))
      this.hasWritten = true
  }
}

const OVER = 'Cannot run a statement: the transaction is over; await every query in the callback'
