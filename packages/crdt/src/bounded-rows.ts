/**
 * The state of a bounded counter: escrow (O'Neil 1986), kept by each replica in a row that only its owner writes and
 * in which all numbers only grow, so of two rows of one owner the larger is the later (Balegas et al., "Extending
 * Eventually Consistent Cloud Databases for Enforcing Numeric Invariants", SRDS 2015).
 */

/** Rights to count down (`stock`), and to count up where there is a maximum (`room`). */
export interface Rights {
  readonly stock: number
  readonly room: number
}

export type Right = keyof Rights

/** One replica takes over another that is gone. */
export interface Claim {
  /** The version of the row with it. */
  readonly at: number
  /** True once all have seen it and no other claim came first: from then on the rights are the claimant's. */
  readonly held: boolean
}

/** What one replica has done in all. */
export interface BoundedRow {
  readonly up: number
  readonly down: number
  /** What it has handed over, by receiver. */
  readonly sent: ReadonlyMap<string, Rights>
  /** Whom it takes over. */
  readonly claims: ReadonlyMap<string, Claim>
}

export type BoundedRows = ReadonlyMap<string, BoundedRow>

/** What all replicas of a counter agree on from the start. */
export interface Bounds {
  readonly minimum: number
  /** Absent together with `holder`. */
  readonly maximum?: number | undefined
  /** Who has all the room in the beginning. */
  readonly holder?: string | undefined
}

export const EMPTY_ROW: BoundedRow = { up: 0, down: 0, sent: new Map(), claims: new Map() }
const NONE: Rights = { stock: 0, room: 0 }

export const sameBounds = (a: Bounds, b: Bounds): boolean =>
  a.minimum === b.minimum && a.maximum === b.maximum && a.holder === b.holder

/** The version of a row: it grows with each edit. */
export function sizeOfRow({ up, down, sent, claims }: BoundedRow): number {
  let size = up + down
  for (const { stock, room } of sent.values()) size += stock + room
  for (const { held } of claims.values()) size += held ? 2 : 1
  return size
}

/** True if `row` holds all that `other` does. */
export function coversRow(row: BoundedRow, other: BoundedRow): boolean {
  if (row === other) return true
  if (row.up < other.up || row.down < other.down) return false
  for (const [to, { stock, room }] of other.sent) {
    const mine = row.sent.get(to) ?? NONE
    if (mine.stock < stock || mine.room < room) return false
  }
  for (const [gone, { at, held }] of other.claims) {
    const mine = row.claims.get(gone)
    if (mine === undefined || mine.at < at || (held && !mine.held)) return false
  }
  return true
}

/** The later of two rows; for two writers with one name, at least the same everywhere. */
export function joinRow(a: BoundedRow, b: BoundedRow): BoundedRow {
  if (coversRow(b, a)) return b
  const sent = new Map(a.sent)
  for (const [to, { stock, room }] of b.sent) {
    const mine = sent.get(to) ?? NONE
    sent.set(to, { stock: Math.max(mine.stock, stock), room: Math.max(mine.room, room) })
  }
  const claims = new Map(a.claims)
  for (const [gone, { at, held }] of b.claims) {
    const mine = claims.get(gone)
    claims.set(gone, { at: Math.max(mine?.at ?? 0, at), held: held || mine?.held === true })
  }
  return { up: Math.max(a.up, b.up), down: Math.max(a.down, b.down), sent, claims }
}

/** Takes in the rows of others. @returns true if any was new. */
export function joinRows(mine: Map<string, BoundedRow>, theirs: BoundedRows): boolean {
  let changed = false
  for (const [node, row] of theirs) {
    const old = mine.get(node)
    if (old !== undefined && coversRow(old, row)) continue
    mine.set(node, old === undefined ? row : joinRow(old, row))
    changed = true
  }
  return changed
}

/** How far all have counted above the minimum, of any size, and below it while rows are missing. */
export function balance(rows: BoundedRows): bigint {
  let sum = 0n
  for (const { up, down } of rows.values()) sum += BigInt(up) - BigInt(down)
  return sum
}

/**
 * The rights of all replicas, as far as known: what each made, used, handed over and received. Those of a replica
 * that is gone are its heir's. Less than nothing if rows of others are missing.
 */
export function rightsOfAll(rows: BoundedRows, { minimum, maximum, holder }: Bounds): Map<string, Rights> {
  const all = new Map<string, Rights>()
  const give = (node: string, stock: number, room: number): void => {
    const old = all.get(node) ?? NONE
    all.set(node, { stock: old.stock + stock, room: old.room + room })
  }
  if (maximum !== undefined && holder !== undefined) give(holder, 0, maximum - minimum)
  for (const [node, { up, down, sent }] of rows) {
    give(node, up - down, down - up)
    for (const [to, { stock, room }] of sent) {
      give(node, -stock, -room)
      give(to, stock, room)
    }
  }
  for (const [gone, heir] of lastHolders(rows)) {
    const left = all.get(gone)
    if (heir === gone || left === undefined) continue
    all.set(gone, NONE)
    give(heir, left.stock, left.room)
  }
  return all
}

/** Who has taken over those that are gone. */
function holdersOf(rows: BoundedRows): Map<string, string> {
  const holders = new Map<string, string>()
  for (const [node, { claims }] of rows) {
    for (const [gone, { held }] of claims) {
      const other = holders.get(gone)
      if (held && (other === undefined || node < other)) holders.set(gone, node)
    }
  }
  return holders
}

/**
 * Who has the rights of each replica that is gone: the heir of its heir, and so on. Those that took over each other
 * keep their own, as neither is gone. Each is passed once: a sender may make the chain long.
 */
export function lastHolders(rows: BoundedRows): Map<string, string> {
  const holders = holdersOf(rows)
  const last = new Map<string, string>()
  for (const gone of holders.keys()) {
    const passed = new Set<string>()
    let node = gone
    for (let next = holders.get(node); next !== undefined && !last.has(node) && !passed.has(node);) {
      passed.add(node)
      node = next
      next = holders.get(node)
    }
    const heir = last.get(node) ?? node
    // In a circle, which begins with the one that was met again, each is its own heir.
    let isCircle = false
    for (const one of passed) {
      isCircle ||= one === node
      last.set(one, isCircle ? one : heir)
    }
  }
  return last
}

/** The claims on a replica, by claimant. */
export function claimsOn(rows: BoundedRows, gone: string): [claimant: string, claim: Claim][] {
  return [...rows].flatMap(([node, { claims }]) => {
    const claim = claims.get(gone)
    return claim === undefined ? [] : [[node, claim]]
  })
}
