import { brand } from '../errors.ts'

/**
 * The context of a write or removal claims more writes of the server that takes it than that server has made. No
 * read gives such a context, so the client made it up; or the server has lost writes, for example by a restore from
 * a backup, and would give new ones the numbers of those. Nothing was applied. Merge the set of a peer, then let the
 * client read again.
 */
export class DvvContextError extends Error {
  readonly code = 'QUORATE_DVV_CONTEXT'
  readonly outcome = 'not-applied'
  /** The server that was to take the write. */
  declare readonly node: string
  /** How many of its writes the context claims. */
  declare readonly claimed: number
  /** How many this set has. */
  declare readonly counter: number

  constructor(node: string, claimed: number, counter: number) {
    super(
      `Cannot take a context that claims ${claimed} writes of ${node}, which has made ${counter}: its client made it ` +
        'up, or this server lost writes; merge() the set of a peer first, then read again',
    )
    brand(this, 'DvvContextError', { node, claimed, counter })
  }
}
