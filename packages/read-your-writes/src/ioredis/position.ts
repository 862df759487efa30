/** A point in the history of one Redis primary and its replicas. */
export interface RedisPosition {
  /** Replication id: 40 hexadecimal digits, a new one with each promotion. */
  readonly replid: string
  /** Bytes of the replication stream up to here. */
  readonly offset: bigint
}

/**
 * A server's history. Offsets go on over a promotion, and the server says up to where it shares the history
 * that went before: what the old primary wrote later is lost.
 */
export interface RedisHistory {
  readonly replid: string
  /** The history it had before, and the first offset of that which is not its own (`second_repl_offset`). */
  readonly previous: { readonly replid: string; readonly end: bigint } | undefined
}

/** Where a server stands. */
export interface RedisStand extends RedisHistory {
  readonly offset: bigint
}

/** Stands for a write of which nobody knows where it is, if it is. No server has this id. */
export const NOWHERE: RedisPosition = { replid: '0'.repeat(40), offset: 0n }

/**
 * The same point by the present id of a history.
 *
 * @returns `undefined` if it is not certain that the history contains it.
 */
export function inHistory(position: RedisPosition, history: RedisHistory): RedisPosition | undefined {
  const { replid, previous } = history
  if (position.replid === NOWHERE.replid) return undefined
  if (position.replid === replid) return position
  if (position.replid !== previous?.replid || position.offset >= previous.end) return undefined
  return { replid, offset: position.offset }
}

/** Does a server that stands there show all of these, for certain? */
export function covers(stand: RedisStand, wanted: readonly RedisPosition[]): boolean {
  return wanted.every((position) => {
    const own = inHistory(position, stand)
    return own !== undefined && own.offset <= stand.offset
  })
}

/** All of these points, the later one of each history. Points of different histories do not compare. */
export function merged(...lists: (readonly RedisPosition[])[]): readonly RedisPosition[] {
  const latest = new Map<string, RedisPosition>()
  for (const position of lists.flat()) {
    const known = latest.get(position.replid)
    if (known === undefined || position.offset > known.offset) latest.set(position.replid, position)
  }
  return [...latest.values()]
}

/**
 * What remains to be asked for when `seen` was read on the primary: it contains all that was known before
 * and is not lost, but not what has come in meanwhile from elsewhere.
 *
 * @param before what was known when the primary was asked.
 */
export function replaced(
  known: readonly RedisPosition[],
  before: readonly RedisPosition[],
  seen: RedisPosition,
): readonly RedisPosition[] {
  const isNew = (one: RedisPosition): boolean =>
    !before.some(({ replid, offset }) => replid === one.replid && offset === one.offset)
  const isComparable = ({ replid }: RedisPosition): boolean => replid === seen.replid
  return merged(
    known.filter((one) => isNew(one) || isComparable(one)),
    [seen],
  )
}
