import type { PgPoolClient, PgResult, Queryable } from './port.ts'
import { steersTransaction } from './statements.ts'

/** May be anywhere, as in a DO block; a function that does it unseen is only lowered to what the session had. */
const SETTINGS = /synchronous_commit|set_config|\b(?:reset|discard)\s+all\b/i

/** A COMMIT that was cancelled while it waited for its standby tells it by a warning, and by nothing else. */
const HIDES_WARNINGS = /\bclient_min_messages\b/i

/** Tags of statements that certainly make the transaction one that wrote. */
const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** A client as `work` gets it: no end of the transaction, no use after `work`. */
export class LentQueryable implements Queryable {
  readonly #client: PgPoolClient
  #isOver = false
  /** Known without asking; `false` means nothing. */
  hasWritten = false
  /** A statement may have changed how the session commits. */
  hasChangedSettings = false
  /** Statements that are not answered yet. */
  underWay = 0
  /** The last error of a statement. */
  failure: unknown

  constructor(client: PgPoolClient) {
    this.#client = client
  }

  /** Refuses what comes from now on. */
  end(): void {
    this.#isOver = true
  }

  async query<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<PgResult<Row>> {
    if (this.#isOver) {
      throw new TypeError(
        'Cannot run a statement: the transaction is over; await every query in the callback',
      )
    }
    if (typeof text !== 'string') {
      throw new TypeError(`Cannot run a statement: it must be a text, got ${typeof text}`)
    }
    if (values !== undefined && !Array.isArray(values)) {
      throw new TypeError(`Cannot run a statement: its values must be an array, got ${typeof values}`)
    }
    if (HIDES_WARNINGS.test(text)) {
      throw new TypeError(
        `Cannot run ${JSON.stringify(text.trim().slice(0, 40))}: a coordinator must hear the warnings of the server; leave client_min_messages as it is`,
      )
    }
    if (steersTransaction(text)) {
      throw new TypeError(
        `Cannot run ${JSON.stringify(text.trim().slice(0, 40))}: the coordinator begins and ends the transaction; ` +
          'throw to roll back, return to commit',
      )
    }
    if (SETTINGS.test(text)) this.hasChangedSettings = true
    this.underWay++
    try {
      const answer = (await this.#client.query(
        text,
        values === undefined ? undefined : [...values],
      )) as PgResult<Row>
      // NOTIFY writes nothing, and yet must not be heard of a transaction that aborts.
      if (Array.isArray(answer))
        this.hasWritten ||= (answer as PgResult[]).some(({ command }) => command === 'NOTIFY')
      else if (answer.command === 'NOTIFY' || (WRITES.has(answer.command) && (answer.rowCount ?? 0) > 0))
        this.hasWritten = true
      return answer
    } catch (error) {
      this.failure = error
      throw error
    } finally {
      this.underWay--
    }
  }
}
