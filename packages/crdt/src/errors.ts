import { brand } from '@quorate/vector-clock/codec'
import { type CrdtType, withArticle } from './crdt.ts'

/**
 * Two writers edit under one name: what came holds an edit of the name of this replica that this copy, which has
 * made edits of its own, never made; or one edit, of whatever name, with another content than here. Nothing was
 * merged. Give each writer a name of its own (a UUID made at start will do). If the name is the own one, go on with
 * `clone({ replica })`; if not, refuse what came, and have one of the two do that.
 */
export class DuplicateReplicaError extends Error {
  readonly code = 'QUORATE_CRDT_DUPLICATE_REPLICA'
  readonly outcome = 'not-applied'
  declare readonly type: CrdtType
  /** The name that two writers use. */
  declare readonly replica: string
  /** True if it is the name of this replica, false if two others use it. */
  declare readonly isOwn: boolean

  constructor(type: CrdtType, replica: string, isOwn = true) {
    super(
      `Cannot merge into ${withArticle(type)}: ${isOwn ? 'another writer edits' : 'two others edit'} as ${JSON.stringify(replica)}, and each must have a name of its own; ${isOwn ? '' : 'refuse it, and have one '}go on with clone({ replica: <a new name> })`,
    )
    brand(this, 'DuplicateReplicaError', { type, replica, isOwn })
  }
}

/**
 * This replica was taken for gone, and another has taken over what it had left, so an edit under its name could
 * be lost. Nothing was changed. Go on as a new replica: `clone({ replica })`.
 */
export class RetiredReplicaError extends Error {
  readonly code = 'QUORATE_CRDT_RETIRED_REPLICA'
  readonly outcome = 'not-applied'
  declare readonly type: CrdtType
  /** The name that is not to be used any more. */
  declare readonly replica: string
  /** Who has taken it over. */
  declare readonly heir: string

  constructor(type: CrdtType, replica: string, heir: string) {
    super(
      `Cannot edit ${withArticle(type)} as ${JSON.stringify(replica)}: ${JSON.stringify(heir)} has retired that name; go on with clone({ replica: <a new name> })`,
    )
    brand(this, 'RetiredReplicaError', { type, replica, heir })
  }
}

/** What a schema found wrong with a value, as in Standard Schema. */
export interface ValueIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/**
 * A value is not what the schema of this replica allows; it came from a peer, or from a call here. Nothing was
 * merged or changed. Correct the value of a call; for one that came, check which version of the application the peer
 * runs, and who it is.
 */
export class InvalidValueError extends Error {
  readonly code = 'QUORATE_CRDT_INVALID_VALUE'
  readonly outcome = 'not-applied'
  declare readonly type: CrdtType
  /** What is wrong; their paths are within the value. */
  declare readonly issues: readonly ValueIssue[]
  /** Where the value is: the key of a map, or the names of the fields on the way to it; empty in a register. */
  declare readonly path: readonly string[]
  /** True if a call here gave the value, false if it came from bytes, JSON or another replica. */
  declare readonly isLocal: boolean

  constructor(type: CrdtType, issues: readonly ValueIssue[], isLocal: boolean, path: readonly string[]) {
    const [first] = issues
    const keys = first?.path?.map((step) => (typeof step === 'object' ? step.key : step)) ?? []
    const where = [...path, ...keys].map(String).join('.')
    const why = `${where}${where === '' ? '' : ': '}${first?.message ?? 'the schema refuses it'}`
    super(
      `Cannot take a value into ${withArticle(type)}: ${why}; ${isLocal ? 'correct the value' : 'check the version of the sender'}`,
    )
    brand(this, 'InvalidValueError', { type, issues, path, isLocal })
  }
}
