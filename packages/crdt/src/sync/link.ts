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
import { type Flight, isBehind, isWaiting, type LinkLimits, type LinkState } from './link-state.ts'
import {
  type Ack,
  decodePayload,
  encodePayload,
  type Hello,
  LEAST_PART_BYTES,
  type Message,
  type Part,
  type Refusal,
} from './message.ts'

/** Parts that are sent before the first of them is acknowledged. */
const WINDOW = 16

/** So often the peer is asked whether it has merged what it got, before all is sent once more. */
const MAX_PROBES = 2

/** A message without its addresses, which are those of the link. */
type WithoutAddress<M> = M extends Message ? Omit<M, 'document' | 'from' | 'to' | 'number'> : never
export type Body = WithoutAddress<Message>

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
  /** The replica could not be read or could not take anything in just now: as if it had got lost on the way. */
  | { readonly type: 'undone'; readonly effect: 'diff' | 'merge' }
  | { readonly type: 'tick' }

export type LinkEffect =
  | { readonly type: 'send'; readonly body: Body }
  /** Find out what a replica at this version lacks. */
  | { readonly type: 'diff'; readonly since: VersionVector }
  | { readonly type: 'merge'; readonly bytes: Uint8Array }
  | { readonly type: 'failed'; readonly problem: SyncProblem; readonly cause?: unknown }

type Step = readonly [LinkState, readonly LinkEffect[]]

/** Pure. Effects are to be done in order. */
export function step(state: LinkState, event: LinkEvent, limits: LinkLimits): Step {
  if (state.failed !== undefined) return [state, []]
  switch (event.type) {
    case 'message':
      return onMessage(
        isNews(state, event.message, limits) ? { ...state, silence: 0 } : state,
        event.message,
        limits,
      )
    case 'changed':
      return onChanged(state, event, limits)
    case 'diffed':
      return onDiffed(state, event, limits)
    case 'merged':
      return onMerged(state, event)
    case 'undone':
      return [
        { ...state, ...(event.effect === 'diff' ? { diffing: undefined } : { merging: undefined }) },
        [],
      ]
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
      return fail(state, problemOf(message))
    default:
      return message satisfies never
  }
}

/** What both sides can find out has one name on both. */
function problemOf({ problem }: Refusal): SyncProblem {
  return problem === 'unreadable' || problem === 'too-large' ? 'refused' : problem
}

/** A peer that only says again what it has does not give what this side waits for: asking on and on would bring nothing. */
function isNews(state: LinkState, message: Message, { maxSilence }: LinkLimits): boolean {
  if (message.kind !== 'hello' || state.silence >= maxSilence) return true
  return !isBehind(state) || message.version.compare(state.theirs) !== 'equal'
}

function onChanged(
  state: LinkState,
  { version, hasGaps, revision }: LinkEvent & { type: 'changed' },
  { maxSilence }: LinkLimits,
): Step {
  const next = {
    ...state,
    version,
    hasGaps,
    revision: Math.max(state.revision, revision),
    // A replica that has lost something does not have any more what it had merged.
    ...(version.dominates(state.version) ? {} : { covered: VersionVector.empty, merged: -1 }),
  }
  if (state.silence < maxSilence) return send(next)
  // Given up, but now there is a reason to try again.
  const [after, effects] = send({ ...next, silence: 0 })
  return [after, [hello(after, true), ...(state.flight === undefined ? effects : firstOf(state.flight))]]
}

function onHello(state: LinkState, message: Hello): Step {
  const known = heard(state, message.number, message.version)
  const [next, effects] = send(known)
  return [next, [...(message.asks ? [hello(next, false)] : []), ...effects]]
}

/** A later message has the later version; one that was overtaken tells nothing. */
function heard(state: LinkState, number: number, version: VersionVector): LinkState {
  if (number <= state.theirNumber) return state
  // What it had and has no more, as a store that was set back: it gets it again.
  const acknowledged = version.dominates(state.theirs) ? state.acknowledged : -1
  return { ...state, theirs: version, theirNumber: number, acknowledged }
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
  // Nobody cuts so small, but to make many parts of little.
  const isTiny = index < count - 1 && bytes.length < LEAST_PART_BYTES
  if (isTiny || size > limits.maxDeltaBytes || (count - 1) * LEAST_PART_BYTES > limits.maxDeltaBytes) {
    return fail({ ...state, inbox: undefined }, 'too-large', undefined, 'too-large')
  }
  const parts = (known?.parts ?? new Map<number, Uint8Array>()).set(index, bytes)
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
    const next = heard(
      { ...state, inbox: undefined, merging: { revision, version } },
      message.number,
      version,
    )
    return [next, [{ type: 'merge', bytes: delta }]]
  } catch (cause) {
    return fail(state, 'unreadable', cause, 'unreadable')
  }
}

function onMerged(state: LinkState, { version, hasGaps, revision }: LinkEvent & { type: 'merged' }): Step {
  const theirs = state.merging?.revision ?? state.merged
  const covered = version.dominates(state.version) ? state.covered : VersionVector.empty
  const next = {
    ...state,
    version,
    hasGaps,
    revision: Math.max(state.revision, revision),
    covered: covered.merge(state.merging?.version ?? VersionVector.empty),
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
  if (!flight.open.includes(index)) return [known, []]
  const open = flight.open.filter((sent) => sent !== index)
  // The window moves on by one; when all are there, the merge is still to come.
  const { next } = flight
  if (next >= flight.parts.length) return [{ ...known, flight: { ...flight, open } }, []]
  return [{ ...known, flight: { ...flight, open: [...open, next], next: next + 1 } }, [part(flight, next)]]
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
  const flight = begin({ revision, parts })
  return [{ ...state, flight }, firstOf(flight)]
}

/** From the first part on. */
function begin({ revision, parts }: Pick<Flight, 'revision' | 'parts'>): Flight {
  const next = Math.min(WINDOW, parts.length)
  return { revision, parts, open: Array.from({ length: next }, (_, index) => index), next, probes: 0 }
}

function onTick(state: LinkState, limits: LinkLimits): Step {
  if (!isWaiting(state, limits)) return [state, []]
  const next = { ...state, silence: state.silence + 1 }
  if (next.silence >= limits.maxSilence) return [{ ...next, inbox: undefined }, []]
  const { flight } = next
  if (flight === undefined) {
    const isUnknown = next.theirNumber < 0
    const [after, effects] = isUnknown ? [next, []] : send(next)
    return [after, [...(isUnknown || isBehind(next) ? [hello(next, true)] : []), ...effects]]
  }
  if (flight.open.length > 0) return [next, firstOf(flight)]
  // All parts are there, and the word that they are merged got lost: the last one asks again. Or the peer has them no more.
  const asked =
    flight.probes < MAX_PROBES || flight.parts.length === 1
      ? { ...flight, probes: flight.probes + 1 }
      : begin(flight)
  const again = asked.open.length > 0 ? firstOf(asked) : [part(asked, asked.parts.length - 1)]
  return [{ ...next, flight: asked }, again]
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

const firstOf = (flight: Flight): LinkEffect[] => flight.open.map((index) => part(flight, index))

function part({ revision, parts }: Flight, index: number): LinkEffect {
  const bytes = parts[index] as Uint8Array
  return { type: 'send', body: { kind: 'part', revision, index, count: parts.length, bytes } }
}

function ack({ revision, index }: Part, version: VersionVector | undefined): LinkEffect {
  return { type: 'send', body: { kind: 'ack', revision, index, version } }
}

function hello({ version }: LinkState, asks: boolean): LinkEffect {
  return { type: 'send', body: { kind: 'hello', asks, type: '', version, digest: undefined } }
}
