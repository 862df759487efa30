/** The brand of `@quorate/core`, so that its `isQuorateError` knows these errors without a dependency. */
const BRAND = /* @__PURE__ */ Symbol.for('quorate.error')

/**
 * Why two replicas cannot be synced.
 * - `protocol`: the peer speaks another version of the protocol. Update the older of the two.
 * - `type`: the peer's document of this name is of another type.
 * - `refused`: the peer could not take in what was sent; its log says why.
 * - `unreadable`: this side could not take in what came; see `cause`.
 * - `too-large`: a delta or a version is larger than the bounds allow. Raise `maxDeltaBytes` or `maxMessageBytes`, on both sides.
 * - `too-many`: peers ask for more documents than `maxDocuments` allows. Raise it, or find out who they are.
 * - `diverged`: the versions are equal and the contents are not: two writers edited under one name, or the two documents
 *   were created with different options. Nothing was sent. Merge by value: take the state of one under a new name, and edit
 *   into it what only the other has.
 * - `unknown-document`: the peer has no document of this name, or not for this peer. If it opens it later, all goes on.
 * - `silent`: nobody answered `maxSilence` questions. If the peer is heard later, all goes on.
 * - `closed`: the channel or the sync was closed before the replicas were in sync.
 */
export type SyncProblem =
  | 'protocol'
  | 'type'
  | 'refused'
  | 'unreadable'
  | 'too-large'
  | 'too-many'
  | 'diverged'
  | 'unknown-document'
  | 'silent'
  | 'closed'

const TOLD: Readonly<Record<SyncProblem, string>> = {
  protocol: 'the peer speaks another version of the protocol; update the older of the two',
  type: 'the peer has another type under this name; check the names of documents',
  refused: 'the peer could not take in what was sent; see its error',
  unreadable: 'what came could not be taken in; see cause',
  'too-large':
    'a message would be larger than the bounds; raise maxDeltaBytes or maxMessageBytes on both sides',
  'too-many': 'peers ask for more documents than maxDocuments; raise it, or find out who they are',
  diverged:
    'the two differ though their versions are equal: two writers share a name, or the options differ; give one a new name and merge by value',
  'unknown-document':
    'the peer has no such document, or not for this peer; open it there, or check the name and the rights',
  silent: 'nobody answered; see whether the peer runs, has this document open and gets what is sent',
  closed: 'it was closed; open it again over a new channel',
}

/** A document cannot be synced with this peer. What was merged before stays, and nothing else was. */
export class SyncError extends Error {
  readonly code = 'QUORATE_CRDT_SYNC'
  readonly outcome = 'not-applied'
  readonly problem: SyncProblem
  /** Name of the document; `undefined` for a message that names none. */
  readonly document: string | undefined

  constructor(problem: SyncProblem, document: string | undefined, cause?: unknown) {
    super(`Cannot sync ${document ?? 'over this channel'}: ${TOLD[problem]}`, { cause })
    this.name = 'SyncError'
    this.problem = problem
    this.document = document
    Object.defineProperty(this, BRAND, { value: true })
  }
}
