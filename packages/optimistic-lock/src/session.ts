import type { Shape } from './names.ts'
import type { Statement } from './statements.ts'
import type { RepositoryOptions, RepositoryTypes } from './types.ts'

/** What a statement is answered by. */
export interface Answer<R = unknown> {
  readonly rows: readonly R[]
}

/** One connection, pool or transaction, as an adapter offers it. */
export interface SqlSession {
  /** Runs one statement; what it throws passes through to the caller, or becomes the cause of an error. */
  run(statement: Statement): Promise<Answer>
  /** True inside a transaction that the caller opened. */
  inTransaction(): boolean | Promise<boolean>
  /** Made for a transaction of the caller's, whose commit decides: without it nothing is applied. */
  readonly isBound: boolean
}

/** What an adapter provides to make a repository. */
export interface RepositoryParts<T extends RepositoryTypes> {
  readonly session: SqlSession
  readonly shape: Shape
  readonly bind: (transaction: T['transaction']) => SqlSession
  readonly options: RepositoryOptions
}
