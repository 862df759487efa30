import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const FOLDER = join(import.meta.dirname, '../../../../../shared/data/traces')

/** What a test says that has to be skipped. */
export const NO_TRACES = 'the shared data (shared/data/traces) is not beside the project'
export const hasTraces: boolean = existsSync(join(FOLDER, 'README.md'))

/** At a position, in code points, so many are deleted, then a text is put in. */
export type Patch = readonly [index: number, deleted: number, inserted: string]

/** One writer's edits, or several writers' with a graph of who knew of what. */
export interface Trace {
  readonly endContent: string
  readonly txns: readonly {
    readonly patches: readonly Patch[]
    readonly parents?: readonly number[]
    readonly agent?: number
  }[]
}

/** A document of the conformance set: transactions in an order in which each comes after its parents. */
export interface Conformance {
  readonly endContent: string
  readonly txns: readonly {
    readonly span: readonly [from: number, to: number]
    /** Last operations known, by number. */
    readonly parents: readonly number[]
    readonly agent: string
    readonly seqStart: number
    readonly ops: readonly Patch[]
  }[]
}

export function traceOf<T = Trace>(name: string): T {
  return JSON.parse(gunzipSync(readFileSync(join(FOLDER, `${name}.json.gz`))).toString()) as T
}
