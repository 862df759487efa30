import { checkReplica } from '../format.ts'
import type { ReplicaOptions } from '../crdt.ts'

/** Options of `createText`, `decodeText` and `textFromJSON`. */
export interface TextOptions extends ReplicaOptions {
  /**
   * What indices, counts and lengths count. Default `utf16`, as JavaScript strings do; an index within a
   * surrogate pair is refused then. With `code-points` an emoji of one code point counts as 1.
   */
  readonly positions?: 'utf16' | 'code-points' | undefined
  /**
   * How many characters and deletions may wait for edits that they need and that have not come. Default 100,000.
   * A merge that would pass it is refused.
   */
  readonly maxPending?: number | undefined
  /** How many groups of edits `undo()` can go back. Default 500; 0 for none. */
  readonly maxUndo?: number | undefined
}

const MAX_PENDING = 100_000
const MAX_UNDO = 500

/** Options with their defaults. @throws TypeError or RangeError for one that is wrong. */
export function checkOptions(
  options: TextOptions,
): Required<TextOptions> & { maxPending: number; maxUndo: number } {
  const replica = checkReplica(options)
  const { positions = 'utf16', maxPending = MAX_PENDING, maxUndo = MAX_UNDO } = options
  if (positions !== 'utf16' && positions !== 'code-points') {
    throw new TypeError(`positions must be utf16 or code-points, got ${String(positions)}`)
  }
  checkBound('maxPending', maxPending)
  checkBound('maxUndo', maxUndo)
  return { replica, positions, maxPending, maxUndo }
}

function checkBound(name: string, bound: number): void {
  if (!(bound >= 0)) throw new RangeError(`${name} must be a number from 0, got ${bound}`)
}
