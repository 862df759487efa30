// What one replica of a document does about one peer: a pure state machine, so that the simulator can run it through
// every loss, duplicate, delay and crash. `step` takes a state and an event, and gives a new state and effects.
//
// Who has what is told by version vectors (hello). What the peer lacks goes out in parts, one delta at a time, and is sent
// again until the peer says that it has merged it; edits made meanwhile are in the next one (after delta-interval
// anti-entropy, Almeida, Shoker, Baquero 2018, algorithm 2). Revisions count the states of one replica: version vectors
// alone do not tell two states apart when one has events beyond a gap.
//
//   quiet ── local change, or a hello that lacks something ──▶ sending ── merged, says the peer ──▶ quiet
//   quiet ── a hello that has more ──▶ waiting ── its delta is merged ──▶ quiet
//   sending, waiting ── nothing heard for too long ──▶ given up ── any message ──▶ as before
import { VersionVector } from '@quorate/vector-clock'
import type { SyncProblem } from './errors.ts'
import { type Ack, decodePayload, encodePayload, type Hello, type Message, type Part } from './message.ts'

/** Parts that are sent before the first of them is acknowledged. */
const WINDOW = 16

/** A message without its addresses, which are those of the link. */
type WithoutAddress<M> = M extends Message ? Omit<M, 'document' | 'from' | 'to' | 'number'> : never
export type Body = WithoutAddress<Message>

/** What is on its way to the peer. */
interface Flight {
  readonly revision: number
  readonly parts: readonly Uint8Array[]
  /** Indices the peer has not got, in order. */
  readonly missing: readonly number[]
}

/** What is on its way from the peer. */
interface Inbox {
  readonly revision: number
  readonly count: number
  readonly parts: ReadonlyMap<number, Uint8Array>
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
  /** The peer has all of this revision; −1: nothing is known. */
  readonly acknowledged: number
  readonly flight: Flight | undefined
  /** The delta for this revision has been asked for. */
  readonly diffing: number | undefined
  readonly inbox: Inbox | undefined
  /** The last revision of the peer that is merged or being merged; −1: none. */
  readonly merged: number
  readonly merging: number | undefined
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

export type LinkEvent =
  | { readonly type: 'message'; readonly message: Message }
  /** The replica changed. */
  | {
      readonly type: 'changed'
      readonly version: VersionVector
      readonly hasGaps: boolean
      readonly revision: number
    }
  /** The answer to `diff`; without a delta, the peer lacks nothing. */
  | {
      readonly type: 'diffed'
      readonly version: VersionVector
      readonly revision: number
      readonly delta: Uint8Array | undefined
    }
  /** The answer to `merge`. */
  | {
      readonly type: 'merged'
      readonly version: VersionVector
      readonly hasGaps: boolean
      readonly revision: number
    }
  | { readonly type: 'unreadable'; readonly cause: unknown }
  | { readonly type: 'tick' }

export type LinkEffect =
  | { readonly type: 'send'; readonly body: Body }
  /** Find out what a replica at this version lacks. */
  | { readonly type: 'diff'; readonly since: VersionVector }
  | { readonly type: 'merge'; readonly bytes: Uint8Array }
  | { readonly type: 'failed'; readonly problem: SyncProblem; readonly cause?: unknown }

type Step = readonly [LinkState, readonly LinkEffect[]]

/** A link to a peer whose first hello has come; feed it that hello. */
export function newLink(own: Pick<LinkState, 'version' | 'hasGaps' | 'revision'>): LinkState {
  return {
    ...own,
    theirs: VersionVector.empty,
    theirNumber: -1,
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

/** True if both sides have what the other one had when it was last heard. */
export const isInSync = (state: LinkState): boolean =>
  state.acknowledged >= state.revision && !isBehind(state) && state.failed === undefined

/** True if a tick would do something. */
export const isWaiting = (state: LinkState, { maxSilence }: LinkLimits): boolean =>
  state.failed === undefined &&
  state.silence < maxSilence &&
  (state.flight !== undefined || (isBehind(state) && state.merging === undefined))

const isBehind = ({ version, theirs }: LinkState): boolean => !version.dominates(theirs)

/** Pure. Effects are to be done in order. */
export function step(state: LinkState, event: LinkEvent, limits: LinkLimits): Step {
  if (state.failed !== undefined) return [state, []]
  switch (event.type) {
    case 'message':
      return onMessage({ ...state, silence: 0 }, event.message, limits)
    case 'changed':
      return send({
        ...state,
        version: event.version,
        hasGaps: event.hasGaps,
        revision: Math.max(state.revision, event.revision),
      })
    case 'diffed':
      return onDiffed(state, event, limits)
    case 'merged':
      return onMerged(state, event)
    case 'unreadable':
      return fail(state, 'unreadable', event.cause, 'unreadable')
    case 'tick':
      return onTick(state, limits)
    default:
      return event satisfies never
  }
}

function onMessage(state: LinkState, message: Message, limits: LinkLimits): Step {
  switch (message.kind) {
    case 'hello':
      return onHello(state, message)
    case 'part':
      return onPart(state, message, limits)
    case 'ack':
      return onAck(state, message)
    case 'refusal':
      return fail(state, message.problem === 'type' ? 'type' : 'refused')
    default:
      return message satisfies never
  }
}

function onHello(state: LinkState, message: Hello): Step {
  const known = heard(state, message.number, message.version)
  const [next, effects] = send(known)
  return [next, [...(message.asks ? [hello(next, false)] : []), ...effects]]
}

/** A later message has the later version; one that was overtaken tells nothing. */
function heard(state: LinkState, number: number, version: VersionVector): LinkState {
  return number > state.theirNumber ? { ...state, theirs: version, theirNumber: number } : state
}

function onPart(state: LinkState, message: Part, limits: LinkLimits): Step {
  const { revision, index, count, bytes } = message
  if (revision <= state.merged) return [state, [ack(message, state.version)]]
  if (state.merging !== undefined) return [state, []]
  const known = state.inbox?.revision === revision && state.inbox.count === count ? state.inbox : undefined
  // Of an older revision, or cut otherwise: the peer has given it up.
  if (state.inbox !== undefined && state.inbox.revision > revision) return [state, []]
  if (known?.parts.has(index) === true) return [state, [ack(message, undefined)]]
  const size = (known?.bytes ?? 0) + bytes.length
  if (size > limits.maxDeltaBytes || count > limits.maxDeltaBytes) {
    return fail({ ...state, inbox: undefined }, 'too-large', undefined, 'too-large')
  }
  const parts = new Map(known?.parts).set(index, bytes)
  if (parts.size < count) {
    return [{ ...state, inbox: { revision, count, parts, bytes: size } }, [ack(message, undefined)]]
  }
  const whole = new Uint8Array(size)
  let offset = 0
  for (let at = 0; at < count; at++) {
    const piece = parts.get(at) as Uint8Array
    whole.set(piece, offset)
    offset += piece.length
  }
  try {
    const { version, delta } = decodePayload(whole)
    const next = heard({ ...state, inbox: undefined, merging: revision }, message.number, version)
    return [next, [{ type: 'merge', bytes: delta }]]
  } catch (cause) {
    return fail(state, 'unreadable', cause, 'unreadable')
  }
}

function onMerged(state: LinkState, { version, hasGaps, revision }: LinkEvent & { type: 'merged' }): Step {
  const theirs = state.merging ?? state.merged
  const next = {
    ...state,
    version,
    hasGaps,
    revision: Math.max(state.revision, revision),
    merging: undefined,
    merged: theirs,
  }
  const [after, effects] = send(next)
  const done: Body = { kind: 'ack', revision: theirs, index: 0, version }
  return [after, [{ type: 'send', body: done }, ...effects]]
}

function onAck(state: LinkState, { revision, index, version, number }: Ack): Step {
  const { flight } = state
  const known = version === undefined ? state : heard(state, number, version)
  if (flight?.revision !== revision) return version === undefined ? [known, []] : send(known)
  if (version !== undefined) {
    return send({ ...known, flight: undefined, acknowledged: Math.max(known.acknowledged, revision) })
  }
  const at = flight.missing.indexOf(index)
  if (at < 0) return [known, []]
  const missing = flight.missing.toSpliced(at, 1)
  // The window moves on by one; when all are there, the merge is still to come.
  const next = missing[WINDOW - 1]
  const moved = { ...known, flight: { ...flight, missing } }
  return [moved, next === undefined || at >= WINDOW ? [] : [part(flight, next)]]
}

function onDiffed(state: LinkState, event: LinkEvent & { type: 'diffed' }, limits: LinkLimits): Step {
  const { version, revision, delta } = event
  const next = { ...state, revision: Math.max(revision, state.revision), diffing: undefined }
  if (delta !== undefined) return takeOff(next, { revision, version, delta }, limits)
  return send({ ...next, acknowledged: Math.max(next.acknowledged, revision) })
}

/** Asks for what the peer lacks, if it may lack something and nothing is on its way. */
function send(state: LinkState): Step {
  if (state.flight !== undefined || state.diffing !== undefined) return [state, []]
  if (state.acknowledged >= state.revision) return [state, []]
  // What is beyond a gap is in no version.
  if (!state.hasGaps && state.theirs.dominates(state.version)) {
    return [{ ...state, acknowledged: state.revision }, []]
  }
  return [{ ...state, diffing: state.revision }, [{ type: 'diff', since: state.theirs }]]
}

function takeOff(
  state: LinkState,
  { revision, version, delta }: { revision: number; version: VersionVector; delta: Uint8Array },
  { partBytes, maxDeltaBytes }: LinkLimits,
): Step {
  const payload = encodePayload(version, delta)
  if (payload.length > maxDeltaBytes) return fail(state, 'too-large', undefined, 'too-large')
  const parts = Array.from({ length: Math.ceil(payload.length / partBytes) }, (_, index) =>
    payload.subarray(index * partBytes, (index + 1) * partBytes),
  )
  const flight = { revision, parts, missing: parts.map((_, index) => index) }
  return [{ ...state, flight }, firstOf(flight)]
}

function onTick(state: LinkState, limits: LinkLimits): Step {
  if (!isWaiting(state, limits)) return [state, []]
  const next = { ...state, silence: state.silence + 1 }
  if (next.silence >= limits.maxSilence) return [{ ...next, inbox: undefined }, []]
  const { flight } = next
  if (flight === undefined) return [next, [hello(next, true)]]
  // All parts are there, and the word that they are merged got lost: the last one asks again.
  return [next, flight.missing.length > 0 ? firstOf(flight) : [part(flight, flight.parts.length - 1)]]
}

function fail(
  state: LinkState,
  problem: SyncProblem,
  cause?: unknown,
  tell?: 'unreadable' | 'too-large',
): Step {
  const told: LinkEffect[] =
    tell === undefined ? [] : [{ type: 'send', body: { kind: 'refusal', problem: tell } }]
  return [
    { ...state, failed: problem, flight: undefined, inbox: undefined },
    [...told, { type: 'failed', problem, cause }],
  ]
}

const firstOf = (flight: Flight): LinkEffect[] =>
  flight.missing.slice(0, WINDOW).map((index) => part(flight, index))

function part({ revision, parts }: Flight, index: number): LinkEffect {
  const bytes = parts[index] as Uint8Array
  return { type: 'send', body: { kind: 'part', revision, index, count: parts.length, bytes } }
}

function ack({ revision, index }: Part, version: VersionVector | undefined): LinkEffect {
  return { type: 'send', body: { kind: 'ack', revision, index, version } }
}

function hello({ version }: LinkState, asks: boolean): LinkEffect {
  return { type: 'send', body: { kind: 'hello', asks, type: '', version } }
}
