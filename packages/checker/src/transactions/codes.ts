/** What became of a transaction. */
export const ABORTED = 0
export const COMMITTED = 1
/** Nobody knows, and nobody saw a write of it: may have happened, or may happen later, or never. */
export const UNKNOWN = 2
/** Its process never learnt, but somebody read from it, so it happened. Other transactions of its session do not come after it. */
export const OBSERVED = 3

export const READ = 0
export const WRITE = 1

/** Where the value of a read comes from. Reads above {@link UNSEEN} break even read committed. */
export const NOT_A_READ = 0
/** From the last write of its key in another transaction that happened. `source` is that write. */
export const EXTERNAL = 1
/** It is the initial value, and nobody wrote that. */
export const INITIAL = 2
/** From the latest write of its own transaction. `source` is that write. */
export const OWN = 3
/** Several writes (or a write and the initial state) gave the key this value. `source` is a guess, or -1: see `guesses` of the transactions. */
export const AMBIGUOUS = 4
/** Nobody knows what it returned, or whether it was done. Says nothing. */
export const UNSEEN = 5
/** Nobody wrote this. */
export const THIN_AIR = 6
/** G1a: `source` is a write of an aborted transaction. */
export const FROM_ABORTED = 7
/** G1b: `source` is a write that its own transaction overwrote. */
export const INTERMEDIATE = 8
/** `source` is a later write of its own transaction. */
export const FUTURE = 9
/** Its own transaction wrote the key before (`source`), and the read did not return that. */
export const NOT_OWN = 10
