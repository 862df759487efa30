import type { History } from '../history.ts'
import type { Key, Operation } from '../operation.ts'

/**
 * What an object may do: a state, and for each operation either the next state or "not allowed".
 * Three members are enough; the others make checks faster and counterexamples easier to read.
 *
 * Every method must be pure: the same answer for the same arguments, and no argument changed. Of an operation it may
 * look at `process`, `op`, `key`, `input`, `output` and `status`, not at its times. A model that throws, returns what
 * is not a state, or contradicts itself (a pure read that changes the state) ends the check with a `TypeError` that
 * says where.
 *
 * @typeParam S a state: any value but `undefined`, for instance `null`.
 *
 * @example A gate that opens once, and then lets people through.
 * ```ts
 * import { checkLinearizable, createHistory, type Model } from '@quorate/checker'
 *
 * const gate: Model<'open' | 'shut'> = {
 *   name: 'gate',
 *   init: () => 'shut',
 *   step(state, { op, output }) {
 *     if (op === 'open') return state === 'shut' ? 'open' : undefined
 *     if (op === 'pass') return output === (state === 'open') ? state : undefined
 *     throw new TypeError(`A gate has no operation ${op}`)
 *   },
 *   isRead: ({ op }) => op === 'pass',
 * }
 * const history = createHistory()
 * await history.record({ process: 1, op: 'open' }, () => undefined)
 * await history.record({ process: 2, op: 'pass' }, () => false)
 * console.log(checkLinearizable(history, gate).verdict) // violated
 * ```
 */
export interface Model<S> {
  /** For messages: `cas-register`. */
  readonly name: string
  /** What a factory was given as the initial value; wins over `history.initial`. */
  readonly initial?: unknown
  /** The state before all operations. `initial` is `options.initial`, else {@link Model.initial}, else `history.initial`. */
  init(initial: unknown): S
  /**
   * The state after `operation`, or `undefined` if it is not allowed in `state`. An operation of status `unknown`
   * has no output: answer what happens if it takes effect. One that failed is never asked about.
   */
  step(state: S, operation: Operation): S | undefined
  /** A text that two states share exactly if they are the same. Default: by structure; private fields need a `key`. */
  key?(state: S): string
  /**
   * The object, or the objects, that an operation is about. Operations that share none are checked apart, which
   * is sound (Herlihy and Wing 1990, theorem 1: linearizability is local) and much faster.
   * Default: everything is one object.
   */
  partition?(operation: Operation): Key | readonly Key[] | undefined
  /** Is it a pure read: never changes the state, whatever the state? Such operations cost next to nothing. */
  isRead?(operation: Operation): boolean
  /** Is it a blind write: always allowed, and leads to the same state whatever the state was? */
  isOverwrite?(operation: Operation): boolean
  /** For an operation that is allowed in exactly one state: that state, in an array (states may be `null`). */
  onlyIn?(operation: Operation): readonly [S] | undefined
  /** For one that leads to the same state wherever it is allowed: that state, in an array. */
  leadsTo?(operation: Operation): readonly [S] | undefined
  /**
   * A text that operations share only if `step`, `isRead`, `isOverwrite`, `onlyIn` and `leadsTo` treat them alike.
   * Default: process, name, key, input and output. A coarser text makes more operations interchangeable: without the
   * process, for instance, if `step` does not look at it.
   */
  classKey?(operation: Operation): string
  /**
   * For objects that only grow, and whose updates are always allowed. Given all operations of a part and its
   * first state, returns a test: can `read`, a pure read, be allowed
   * in `state` or in one that other operations than overwrites lead to from there? `true` if in doubt.
   */
  lookahead?(
    operations: readonly Operation[],
    initial: S,
  ): ((state: S, read: Operation) => boolean) | undefined
  /** A state in words. Default: as JSON. */
  describe?(state: S): string
}

/** What the object is before its first operation. */
export interface InitialOptions {
  /** Default: `history.initial`, else what the model says. */
  readonly initial?: unknown
}

/** The first of these that is given. */
export function initialOf<S>(model: Model<S>, history: History, initial: unknown): unknown {
  if (initial !== undefined) return initial
  return model.initial === undefined ? history.initial : model.initial
}
