import { VersionVector } from '@quorate/vector-clock'
import type { SyncProblem } from './errors.ts'

/** What is on its way to the peer. */
export interface Flight {
  readonly revision: number
  readonly parts: readonly Uint8Array[]
  /** Indices that were sent and are not acknowledged, a window at most. */
  readonly open: readonly number[]
  /** The first index that was not sent yet. */
  readonly next: number
  /** How often it was asked after all of it had been acknowledged. */
  readonly probes: number
}

/** What is on its way from the peer. */
interface Inbox {
  readonly revision: number
  readonly count: number
  /** The one thing that is changed in place: a copy for each part would cost the square of their number. */
  readonly parts: Map<number, Uint8Array>
  readonly bytes: number
}

/** What a link knows. */
export interface LinkState {
  /** This replica. */
  readonly version: VersionVector
  readonly hasGaps: boolean
  readonly revision: number
  /** The last version of the peer that came, and the number of its message. */
  readonly theirs: VersionVector
  readonly theirNumber: number
  /** What was merged from the peer, though this replica may have forgotten names of it. */
  readonly covered: VersionVector
  /** The peer has all of this revision; −1: nothing is known. */
  readonly acknowledged: number
  readonly flight: Flight | undefined
  /** The delta for this revision has been asked for. */
  readonly diffing: number | undefined
  readonly inbox: Inbox | undefined
  /** The last revision of the peer that is merged or being merged; −1: none. */
  readonly merged: number
  readonly merging: { readonly revision: number; readonly version: VersionVector } | undefined
  /** Ticks since the peer was last heard. */
  readonly silence: number
  readonly failed: SyncProblem | undefined
}

/** Bounds of a link; see `SyncOptions`. */
export interface LinkLimits {
  readonly partBytes: number
  readonly maxDeltaBytes: number
  readonly maxSilence: number
}

/** A link to a peer whose first hello has come; feed it that hello. */
export function newLink(own: Pick<LinkState, 'version' | 'hasGaps' | 'revision'>): LinkState {
  return {
    ...own,
    theirs: VersionVector.empty,
    theirNumber: -1,
    covered: VersionVector.empty,
    acknowledged: -1,
    flight: undefined,
    diffing: undefined,
    inbox: undefined,
    merged: -1,
    merging: undefined,
    silence: 0,
    failed: undefined,
  }
}

/** True if the peer was asked as often as it may be, and what is missing has not come. */
export const isSilent = (state: LinkState, { maxSilence }: LinkLimits): boolean =>
  state.failed === undefined && state.silence >= maxSilence && !isInSync(state)

/** True if both sides have what the other one had when it was last heard. */
export const isInSync = (state: LinkState): boolean =>
  state.acknowledged >= state.revision && !isBehind(state) && state.failed === undefined

/** True if a tick would do something. */
export const isWaiting = (state: LinkState, { maxSilence }: LinkLimits): boolean =>
  state.failed === undefined &&
  state.silence < maxSilence &&
  (state.flight !== undefined || (isBehind(state) && state.merging === undefined) || isIdle(state))

/** True if the peer has something that is not here. */
export const isBehind = ({ version, theirs, covered }: LinkState): boolean =>
  !version.dominates(theirs) && !version.merge(covered).dominates(theirs)

/** The peer may lack something, and nothing is done about it: it is not known what it has, or reading failed. */
const isIdle = ({ acknowledged, revision, flight, diffing }: LinkState): boolean =>
  acknowledged < revision && flight === undefined && diffing === undefined
