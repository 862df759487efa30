/**
 * What one key shows, as a pure machine. One thing is under way at a time:
 *
 * ```
 * idle ─ refresh ─▶ reading ─ read ─▶ idle
 * idle, reading ─ update ─▶ writing ─ written, unknown ─▶ verifying ─ read ─▶ the next update, or idle
 *                           writing ─ refused ─▶ the next update, or reading
 * ```
 *
 * Shown is what the server last showed, with the changes that wait for it on top. A read that an update has overtaken
 * is not looked at: it may have started before the write.
 */
export interface Update<T> {
  readonly id: number
  readonly change: (value: T | undefined) => T
  /** Does the verifying read show that the write was done? */
  readonly isDone: (read: T, expected: T) => boolean
  /** Takes the place of one before it that is `latest` too and has not been sent. */
  readonly latest: boolean
}

/** What a write's answer says: done, not done, or not known. */
export type WriteAnswer = 'written' | 'refused' | 'unknown'

export type Phase =
  | { readonly type: 'idle' }
  | { readonly type: 'reading'; readonly read: number }
  | { readonly type: 'writing'; readonly update: number }
  | {
      readonly type: 'verifying'
      readonly update: number
      readonly read: number
      readonly answer: Exclude<WriteAnswer, 'refused'>
      readonly cause: unknown
    }

/** Why an update was taken back. */
export type RollbackReason =
  /** The server said no. */
  | 'refused'
  /** The verifying read shows something else: the write was lost, or somebody has written after it. */
  | 'disagreed'
  /** Neither the write's answer nor a read came. */
  | 'unverifiable'
  /** The store was closed before it was known. */
  | 'closed'

/** What came of an update. */
export type UpdateEnd =
  /** A read that carried the write's token has shown it. */
  | { readonly type: 'confirmed' }
  /** The server has taken it, and no read could be done. */
  | { readonly type: 'accepted'; readonly cause: unknown }
  /** It was never sent: a later one has taken its place. */
  | { readonly type: 'superseded' }
  | {
      readonly type: 'rolled-back'
      readonly reason: RollbackReason
      readonly outcome: 'not-applied' | 'unknown'
      readonly cause: unknown
    }

export interface KeyState<T> {
  /** What the server last showed. `undefined`: nothing yet. */
  readonly base: { readonly value: T } | undefined
  /** In the order they were made; the first is under way while writing or verifying. */
  readonly updates: readonly Update<T>[]
  readonly phase: Phase
  /** Number of the newest read. */
  readonly reads: number
  /** Is another read wanted, once nothing is under way? */
  readonly stale: boolean
}

export type KeyEvent<T> =
  | { readonly type: 'update'; readonly update: Update<T> }
  | { readonly type: 'refresh' }
  | {
      readonly type: 'answer'
      readonly update: number
      readonly answer: WriteAnswer
      readonly cause?: unknown
    }
  | { readonly type: 'read'; readonly read: number; readonly value: T }
  | { readonly type: 'read-failed'; readonly read: number; readonly cause: unknown }

export type Effect =
  | { readonly type: 'write'; readonly update: number }
  | { readonly type: 'read'; readonly read: number }
  | { readonly type: 'end'; readonly update: number; readonly end: UpdateEnd }

export interface Step<T> {
  readonly state: KeyState<T>
  readonly effects: readonly Effect[]
}

const IDLE: Phase = { type: 'idle' }

export function startState<T>(base: { readonly value: T } | undefined): KeyState<T> {
  return { base, updates: [], phase: IDLE, reads: 0, stale: false }
}

/** What is to be seen: `undefined` while nothing is known. */
export function shown<T>({ base, updates }: KeyState<T>): T | undefined {
  return updates.reduce<T | undefined>((value, { change }) => change(value), base?.value)
}

/** Events of what is no longer under way change nothing. */
export function step<T>(state: KeyState<T>, event: KeyEvent<T>): Step<T> {
  const { phase } = state
  switch (event.type) {
    case 'update':
      return added(state, event.update)
    case 'refresh':
      if (phase.type === 'idle') return next({ ...state, stale: true })
      // A write is followed by a read anyway; one that is under way may have started too early.
      return { state: phase.type === 'writing' ? state : { ...state, stale: true }, effects: [] }
    case 'answer':
      if (phase.type !== 'writing' || phase.update !== event.update) return nothing(state)
      return answered(state, event.update, event.answer, event.cause)
    case 'read':
      if (!isAwaited(phase, event.read)) return nothing(state)
      return seen(state, phase, event.value)
    case 'read-failed':
      if (!isAwaited(phase, event.read)) return nothing(state)
      return unseen(state, phase, event.cause)
    default:
      return event satisfies never
  }
}

type ReadPhase = Extract<Phase, { readonly read: number }>

function isAwaited(phase: Phase, read: number): phase is ReadPhase {
  return (phase.type === 'reading' || phase.type === 'verifying') && phase.read === read
}

const nothing = <T>(state: KeyState<T>): Step<T> => ({ state, effects: [] })

function added<T>(state: KeyState<T>, update: Update<T>): Step<T> {
  const { updates, phase } = state
  const sent = phase.type === 'writing' || phase.type === 'verifying' ? 1 : 0
  const last = updates.length > sent ? updates.at(-1) : undefined
  const replaced = update.latest && last?.latest === true ? last : undefined
  const queued = { ...state, updates: [...updates.slice(0, replaced && -1), update] }
  const effects: Effect[] =
    replaced === undefined ? [] : [{ type: 'end', update: replaced.id, end: { type: 'superseded' } }]
  if (sent === 1) return { state: queued, effects }
  const { state: after, effects: more } = next(queued)
  return { state: after, effects: [...effects, ...more] }
}

function answered<T>(state: KeyState<T>, update: number, answer: WriteAnswer, cause: unknown): Step<T> {
  if (answer === 'refused') {
    // Often because what is shown here is old: so it is read again.
    const refused = { ...state, updates: state.updates.slice(1), stale: true }
    return ended(refused, update, { type: 'rolled-back', reason: 'refused', outcome: 'not-applied', cause })
  }
  const read = state.reads + 1
  return {
    state: { ...state, reads: read, phase: { type: 'verifying', update, read, answer, cause }, stale: false },
    effects: [{ type: 'read', read }],
  }
}

function seen<T>(state: KeyState<T>, phase: ReadPhase, value: T): Step<T> {
  const [first, ...updates] = state.updates
  if (phase.type === 'reading' || first === undefined) return next({ ...state, base: { value } })
  const isDone = first.isDone(value, first.change(state.base?.value))
  const end: UpdateEnd = isDone
    ? { type: 'confirmed' }
    : { type: 'rolled-back', reason: 'disagreed', outcome: 'unknown', cause: phase.cause }
  return ended({ ...state, base: { value }, updates }, phase.update, end)
}

function unseen<T>(state: KeyState<T>, phase: ReadPhase, cause: unknown): Step<T> {
  const [first, ...updates] = state.updates
  // Not again at once: the next refresh or update reads.
  if (phase.type === 'reading' || first === undefined) return next({ ...state, stale: false })
  if (phase.answer === 'written') {
    const base = { value: first.change(state.base?.value) }
    return ended({ ...state, base, updates, stale: false }, phase.update, { type: 'accepted', cause })
  }
  const end: UpdateEnd = {
    type: 'rolled-back',
    reason: 'unverifiable',
    outcome: 'unknown',
    cause: phase.cause ?? cause,
  }
  return ended({ ...state, updates, stale: false }, phase.update, end)
}

function ended<T>(state: KeyState<T>, update: number, end: UpdateEnd): Step<T> {
  const { state: after, effects } = next(state)
  return { state: after, effects: [{ type: 'end', update, end }, ...effects] }
}

/** Nothing is under way, or only a read that need not be waited for. */
function next<T>(state: KeyState<T>): Step<T> {
  const [first] = state.updates
  if (first !== undefined) {
    const phase: Phase = { type: 'writing', update: first.id }
    return { state: { ...state, phase, stale: false }, effects: [{ type: 'write', update: first.id }] }
  }
  if (!state.stale) return { state: { ...state, phase: IDLE }, effects: [] }
  const read = state.reads + 1
  return {
    state: { ...state, phase: { type: 'reading', read }, reads: read, stale: false },
    effects: [{ type: 'read', read }],
  }
}
