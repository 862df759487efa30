/** What becomes of a transaction. One for all its members. */
export type Decision = 'commit' | 'abort'

/** Where a member stands with a decision it was told. */
export type Told = 'telling' | 'acknowledged' | 'unreachable'

/**
 * One transaction on its way to a decision, in the eyes of one process:
 *
 * ```
 *            all yes               register: commit
 *   voting ───────────▶ registering ───────────────▶ telling ──▶ ended
 *     │                     │  reply lost               ▲          ▲
 *     │                     ▼                 decision  │          │
 *     │                  settling ──────────────────────┤          │
 *     │                     │  no answer, or forgotten  │          │
 *     │                     └───────────────────────────┼──────────┘ in doubt
 *     └─────────────────────────────────────────────────┘
 *       a no, a lost vote, or given up: abort, which needs no record (presumed abort)
 * ```
 *
 * The register takes one decision for each transaction, the first it is offered. A recoverer begins in `settling`.
 */
export type State =
  | {
      readonly phase: 'voting'
      readonly members: ReadonlySet<string>
      readonly waiting: ReadonlySet<string>
    }
  | { readonly phase: 'registering'; readonly members: ReadonlySet<string> }
  | { readonly phase: 'settling'; readonly role: Role; readonly members: ReadonlySet<string> }
  | {
      readonly phase: 'telling'
      readonly role: Role
      readonly decision: Decision
      readonly told: ReadonlyMap<string, Told>
      readonly mayForget: boolean
    }
  | {
      readonly phase: 'ended'
      /** `undefined`: this process does not know it. Whoever recovers will. */
      readonly decision: Decision | undefined
      /** Who has not acknowledged; recovery goes on with them. */
      readonly left: ReadonlySet<string>
    }

/** Who is asking: the process that ran the transaction, or one that found it. */
export type Role = 'coordinator' | 'recoverer'

/** What the register says when it is read and closed at once. */
export interface Settlement {
  /** `undefined`: it has none and can never get one, since its coordinator's epoch is closed. */
  readonly decision: Decision | undefined
  /** Who was prepared, if the record says so. */
  readonly members: readonly string[]
  /** The coordinator can write no more, so that a recoverer may delete the record. */
  readonly closed: boolean
}

export type Event =
  /** The answer to `prepare`. `unknown`: it was lost. */
  | { readonly type: 'vote'; readonly from: string; readonly vote: 'yes' | 'no' | 'unknown' }
  /** The caller's deadline or signal. Too late once the decision is on its way to the register. */
  | { readonly type: 'give-up' }
  /** The register took `commit`, or has `abort`, or takes nothing from this coordinator any more. */
  | { readonly type: 'registered'; readonly decision: Decision }
  | { readonly type: 'register-unknown' }
  | { readonly type: 'settled'; readonly settlement: Settlement }
  | { readonly type: 'settle-unknown' }
  | { readonly type: 'acknowledged'; readonly from: string }
  | { readonly type: 'unreachable'; readonly from: string }

export type Effect =
  | { readonly type: 'prepare'; readonly to: string }
  /** Offer `commit` to the register. */
  | { readonly type: 'register' }
  /** Read the register, and write `abort` if it is empty. What is read must be as durable as a write. */
  | { readonly type: 'settle' }
  | { readonly type: 'tell'; readonly to: string; readonly decision: Decision }
  /** Delete the record: nobody will ask for it again. */
  | { readonly type: 'forget' }

export type Step = readonly [State, readonly Effect[]]

/**
 * Begins the commit of a transaction.
 *
 * @param members those to prepare; at least one.
 */
export function begin(members: Iterable<string>): Step {
  const all = new Set(members)
  return [{ phase: 'voting', members: all, waiting: all }, [...all].map((to) => ({ type: 'prepare', to }))]
}

/** Begins the recovery of a transaction that was found prepared on `members`. */
export function beginRecovery(members: Iterable<string>): Step {
  return [{ phase: 'settling', role: 'recoverer', members: new Set(members) }, [{ type: 'settle' }]]
}

/**
 * Two-phase commit with presumed abort (Mohan, Lindsay and Obermarck, "Transaction Management in the R* Distributed
 * Database Management System", TODS 1986) over a decision register that anybody may close (the idea of Gray and
 * Lamport, "Consensus on Transaction Commit", TODS 2006, with one acceptor). Pure: an event that does not fit, or comes
 * twice, changes nothing.
 */
export function step(state: State, event: Event): Step {
  switch (state.phase) {
    case 'voting':
      return onVoting(state, event)
    case 'registering':
      if (event.type === 'registered') return tell('coordinator', event.decision, state.members, true)
      if (event.type === 'register-unknown') {
        return [{ phase: 'settling', role: 'coordinator', members: state.members }, [{ type: 'settle' }]]
      }
      return [state, []]
    case 'settling':
      return onSettling(state, event)
    case 'telling':
      return onTelling(state, event)
    case 'ended':
      return [state, []]
    default:
      return state satisfies never
  }
}

function onVoting(state: State & { phase: 'voting' }, event: Event): Step {
  if (event.type === 'give-up') return tell('coordinator', 'abort', state.members, false)
  if (event.type !== 'vote' || !state.waiting.has(event.from)) return [state, []]
  // A vote that was lost may still become a prepared transaction: all are told, and recovery looks again.
  if (event.vote !== 'yes') return tell('coordinator', 'abort', state.members, false)
  const waiting = without(state.waiting, event.from)
  if (waiting.size > 0) return [{ ...state, waiting }, []]
  return [{ phase: 'registering', members: state.members }, [{ type: 'register' }]]
}

function onSettling(state: State & { phase: 'settling' }, event: Event): Step {
  if (event.type === 'settle-unknown')
    return [{ phase: 'ended', decision: undefined, left: state.members }, []]
  if (event.type !== 'settled') return [state, []]
  const { decision, members, closed } = event.settlement
  const everybody = new Set([...state.members, ...members])
  if (decision !== undefined) {
    // The record is its coordinator's while that may ask for it. An abort stays: what was offered to the register, and
    // not answered, may still be on its way. A recoverer knows those it found, and must know all who were prepared.
    const isWhole = state.role === 'coordinator' || (closed && members.length > 0)
    const mayForget = decision === 'commit' && isWhole
    return tell(state.role, decision, everybody, mayForget)
  }
  // Nothing was ever recorded, or it was forgotten after all had acknowledged. Either way what is still prepared
  // aborts. The coordinator cannot tell which, so it does not say.
  if (state.role === 'recoverer') return tell('recoverer', 'abort', everybody, false)
  return [{ phase: 'ended', decision: undefined, left: state.members }, []]
}

function onTelling(state: State & { phase: 'telling' }, event: Event): Step {
  if (event.type !== 'acknowledged' && event.type !== 'unreachable') return [state, []]
  if (state.told.get(event.from) !== 'telling') return [state, []]
  const told = new Map(state.told).set(event.from, event.type)
  const still = [...told.values()].includes('telling')
  return still ? [{ ...state, told }, []] : ended({ ...state, told })
}

function tell(role: Role, decision: Decision, members: ReadonlySet<string>, mayForget: boolean): Step {
  const told = new Map([...members].map((member) => [member, 'telling' as const]))
  return [
    { phase: 'telling', role, decision, told, mayForget },
    [...members].map((to) => ({ type: 'tell', to, decision })),
  ]
}

function ended({ decision, told, mayForget }: State & { phase: 'telling' }): Step {
  const left = new Set([...told].filter(([, how]) => how === 'unreachable').map(([member]) => member))
  return [{ phase: 'ended', decision, left }, mayForget && left.size === 0 ? [{ type: 'forget' }] : []]
}

function without(set: ReadonlySet<string>, member: string): ReadonlySet<string> {
  const rest = new Set(set)
  rest.delete(member)
  return rest
}
