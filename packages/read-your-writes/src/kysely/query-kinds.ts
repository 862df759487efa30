import type { CompiledQuery } from 'kysely'
import { mayWrite } from '../sql-kind.ts'

/** Texts whose kind is remembered; then all are forgotten, which costs little and bounds the memory. */
const MAX_TEXTS = 1_000
/** Longer ones are not remembered. */
const MAX_CHARS = 4_000

/** Tells queries that only read from the others, and remembers: services send the same texts again and again. */
export class QueryKinds {
  readonly #functions: ReadonlySet<string>
  readonly #known = new Map<string, boolean>()

  constructor(functions: ReadonlySet<string>) {
    this.#functions = functions
  }

  onlyReads({ query, sql }: CompiledQuery): boolean {
    // Compiled from a builder of INSERT, of a schema and so on: no need to read the text.
    if (query.kind !== 'SelectQueryNode' && query.kind !== 'RawNode') return false
    const known = this.#known.get(sql)
    if (known !== undefined) return known
    const reads = !mayWrite(sql, this.#functions)
    if (sql.length <= MAX_CHARS) {
      if (this.#known.size >= MAX_TEXTS) this.#known.clear()
      this.#known.set(sql, reads)
    }
    return reads
  }
}
