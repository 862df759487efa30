import type { DatabaseConnection, Driver, TransactionSettings } from 'kysely'
import type { Level } from '../level.ts'
import type { ReadYourWrites } from '../router-api.ts'
import { beginText } from './begin-text.ts'
import { RoutedConnection } from './connection.ts'
import { QueryKinds } from './query-kinds.ts'

/** What a driver is made of. */
export interface RoutedDriverParts {
  readonly db: ReadYourWrites
  readonly level: Level | undefined
  readonly functions: ReadonlySet<string>
}

/** Hands out connections that choose their server when they are asked something. */
export class RoutedDriver implements Driver {
  readonly #db: ReadYourWrites
  readonly #level: Level | undefined
  readonly #kinds: QueryKinds

  constructor({ db, level, functions }: RoutedDriverParts) {
    this.#db = db
    this.#level = level
    this.#kinds = new QueryKinds(functions)
  }

  init(): Promise<void> {
    return Promise.resolve()
  }

  acquireConnection(): Promise<RoutedConnection> {
    return Promise.resolve(new RoutedConnection(this.#db, this.#level, this.#kinds))
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    beginText(settings)
    own(connection).begin(settings)
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await own(connection).commit()
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await own(connection).rollback()
  }

  async savepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await own(connection).statement(`SAVEPOINT ${quoted(name)}`)
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await own(connection).statement(`ROLLBACK TO SAVEPOINT ${quoted(name)}`)
  }

  async releaseSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await own(connection).statement(`RELEASE SAVEPOINT ${quoted(name)}`)
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    await own(connection).release()
  }

  /** The router and its pools are the caller's. */
  destroy(): Promise<void> {
    return Promise.resolve()
  }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

function own(connection: DatabaseConnection): RoutedConnection {
  if (connection instanceof RoutedConnection) return connection
  throw new TypeError(
    'Cannot use the connection: it comes from another driver; use one Kysely for all of a transaction',
  )
}
