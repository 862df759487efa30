import type { CausalContext, Dot } from '@quorate/vector-clock'

/** What keys may be. Within one type of CRDT, a 1 and a 1n are two. */
export type Key = string | number | bigint

/** An element with the event that put it there. */
export interface Entry<K, P> extends Dot {
  readonly key: K
  /** What the type makes of it: nothing in a set, a quantity in a cart. Never changes: it is a part of the event. */
  readonly payload: P
}

/** A state or a part of one. An event in `context` with no entry has been removed. */
export interface Fragment<K, P> {
  readonly context: CausalContext
  readonly entries: readonly Entry<K, P>[]
}
