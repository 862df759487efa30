import type { PgPoolClient, PgResult, Queryable } from './port.ts'

/** First words of statements that would end the transaction, or begin another. Savepoints are the caller's. */
const NOT_YOURS =
  /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|;)*(?:begin|start|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b/i

/** May be anywhere, as in a DO block; a function that does it unseen is only lowered to what the session had. */
const SETTINGS = /synchronous_commit|set_config|\b(?:reset|discard)\s+all\b/i

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
    if (NOT_YOURS.test(text)) {
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
