import { brand } from '@quorate/vector-clock/codec'
import type { CrdtType } from './crdt.ts'

/**
 * Somebody else edits under the name of this replica: what came holds an edit of this name that this copy,
 * which has made edits of its own, never made, or made otherwise. Nothing was merged. Give each writer a name
 * of its own (a UUID made at start will do) and go on with `clone({ replica })`.
 */
export class DuplicateReplicaError extends Error {
  readonly code = 'QUORATE_CRDT_DUPLICATE_REPLICA'
  readonly outcome = 'not-applied'
  declare readonly type: CrdtType
  /** The name that two writers use. */
  declare readonly replica: string

  constructor(type: CrdtType, replica: string) {
    super(
      `Cannot merge into a ${type}: another writer edits as ${JSON.stringify(replica)}, and each must have a name of its own; go on with clone({ replica: <a new name> })`,
    )
    brand(this, 'DuplicateReplicaError', { type, replica })
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
      `Cannot edit a ${type} as ${JSON.stringify(replica)}: ${JSON.stringify(heir)} has retired that name; go on with clone({ replica: <a new name> })`,
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
 * merged or changed. Check which version of the application the peer runs, and who it is.
 */
export class InvalidValueError extends Error {
  readonly code = 'QUORATE_CRDT_INVALID_VALUE'
  readonly outcome = 'not-applied'
  declare readonly type: CrdtType
  declare readonly issues: readonly ValueIssue[]

  constructor(type: CrdtType, issues: readonly ValueIssue[]) {
    super(
      `Cannot take a value into a ${type}: ${issues[0]?.message ?? 'the schema refuses it'}; check the version of the sender`,
    )
    brand(this, 'InvalidValueError', { type, issues })
  }
}
