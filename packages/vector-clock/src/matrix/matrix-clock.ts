import { ByteReader, ByteWriter } from '../bytes.ts'
import { checkNode, type Dot, isNode, nodeOf } from '../dot.ts'
import { badEntry, DecodeError, entriesOf } from '../errors.ts'
import { checkVersion, VersionVector } from '../version-vector.ts'
import { StaleMemberError } from './errors.ts'

const FORMAT = 1
const WHAT = 'matrix clock'

/** Options of {@link MatrixClock}. */
export interface MatrixClockOptions {
  /** The member this clock belongs to. */
  readonly node: string
  /** All members; this one may be left out. */
  readonly members: Iterable<string>
  /** What this member has seen. Default: nothing. */
  readonly version?: VersionVector | undefined
}

/**
 * What each member is known to have seen, one version vector per member (Wuu, Bernstein 1984). The events in all
 * of them are `stable`: everybody has them, nobody will ask for them again, so tombstones and logs up to there may
 * go. What one knows of others is late, never early, so `stable` is safe to act on at once.
 *
 * A container that grows, as a `Map` does. Who is a member is for you to agree on: a member that nobody told this
 * clock about may lack what it calls stable.
 *
 * @example
 * ```ts
 * const seen = new MatrixClock({ node: 'a', members: ['a', 'b', 'c'] })
 * seen.observe('a', mine) // own version, after each event
 * seen.observe('b', itsVersion) // with each message from b
 * seen.merge(itsMatrix) // or with its whole matrix: what it knows of c
 * seen.stable.includes(dot) // everybody has it
 * ```
 */
export class MatrixClock {
  readonly node: string
  readonly #rows = new Map<string, VersionVector>()
  #stable: VersionVector | undefined

  /** @throws TypeError for an empty or ill-formed id, or a version that is not a vector. */
  constructor(options: MatrixClockOptions) {
    const node = nodeOf(options)
    const { members, version = VersionVector.empty } = options
    checkVersion('version', version)
    this.node = node
    for (const member of [...members, node]) {
      checkNode(member)
      this.#rows.set(member, VersionVector.empty)
    }
    this.#rows.set(node, version)
  }

  /**
   * The clock that `toJSON()` wrote.
   *
   * @throws DecodeError if `json` is anything else, or `options.node` is not among its members.
   */
  static fromJSON(json: unknown, { node }: { readonly node: string }): MatrixClock {
    const rows = entriesOf(json, WHAT).map(([member, version]) => {
      if (!isNode(member)) badEntry(WHAT, member)
      return [member, VersionVector.fromJSON(version)] as const
    })
    return MatrixClock.#of(node, rows)
  }

  /**
   * The clock that `encode()` wrote, for the member `options.node`.
   *
   * @throws DecodeError on anything else, or if `options.node` is not among its members.
   */
  static decode(bytes: Uint8Array, { node }: { readonly node: string }): MatrixClock {
    const reader = new ByteReader(bytes, WHAT)
    reader.format(FORMAT)
    const rows: [string, VersionVector][] = []
    for (let left = reader.count(); left > 0; left--) {
      const member = reader.nodeAfter(rows.at(-1)?.[0] ?? '')
      rows.push([member, VersionVector.decode(reader.raw(reader.uint()))])
    }
    reader.end()
    return MatrixClock.#of(node, rows)
  }

  /** All members, in order. */
  get members(): string[] {
    return [...this.#rows.keys()].toSorted()
  }

  /** What this member has seen. */
  get version(): VersionVector {
    return this.of(this.node)
  }

  /** The events that every member is known to have seen. Never goes back. */
  get stable(): VersionVector {
    this.#stable ??= least([...this.#rows.values()])
    return this.#stable
  }

  /** What a member is known to have seen. @throws RangeError if it is not a member. */
  of(member: string): VersionVector {
    const row = this.#rows.get(member)
    if (row !== undefined) return row
    throw new RangeError(`${JSON.stringify(member)} must be a member; add() it first`)
  }

  /** True if every member is known to have seen the event. */
  isStable(dot: Dot): boolean {
    return this.stable.includes(dot)
  }

  /** The members not known to have seen the event, in order: who holds `stable` back. */
  laggards(dot: Dot): string[] {
    return this.members.filter((member) => !this.of(member).includes(dot))
  }

  /**
   * Notes what a member has seen, as it said itself; for this member, after each event of its own and each one got.
   *
   * @returns true if that was news.
   * @throws RangeError if it is not a member.
   * @throws TypeError if `version` is not a vector.
   */
  observe(member: string, version: VersionVector): boolean {
    const row = this.of(member)
    const merged = row.merge(checkVersion('version', version))
    if (merged === row) return false
    this.#rows.set(member, merged)
    this.#stable = undefined
    return true
  }

  /**
   * Notes all that another member knows. Rows of those that are not members here are left out.
   *
   * @returns true if any of it was news.
   */
  merge(other: MatrixClock): boolean {
    let changed = false
    for (const [member, row] of other.#rows) {
      if (this.#rows.has(member) && this.observe(member, row)) changed = true
    }
    return changed
  }

  /**
   * Lets a member in, once it has what is stable here: copy it a snapshot first. One that is there already keeps
   * what it has.
   *
   * @param version what it has seen.
   * @throws StaleMemberError if it lacks a part of `stable`, which others may have thrown away.
   * @throws TypeError for an empty or ill-formed id, or a version that is not a vector.
   */
  add(member: string, version: VersionVector): void {
    checkNode(member)
    checkVersion('version', version)
    if (this.#rows.has(member)) return void this.observe(member, version)
    if (!version.dominates(this.stable)) throw new StaleMemberError(member, this.stable.toJSON())
    this.#rows.set(member, version)
    this.#stable = undefined
  }

  /**
   * Lets a member go: nothing waits for it any longer. Do so on all members, and only with one that will not come
   * back with its old state; with a snapshot it may, through `add()`. A disk that was lost is a new member, too.
   *
   * @returns false if it was not a member.
   * @throws RangeError for this clock's own member.
   */
  remove(member: string): boolean {
    if (member === this.node) throw new RangeError(`${member} must not be removed from its own clock`)
    this.#stable = undefined
    return this.#rows.delete(member)
  }

  /** `{ member: { node: counter } }`, members in order. */
  toJSON(): Record<string, Record<string, number>> {
    return Object.fromEntries(this.members.map((member) => [member, this.of(member).toJSON()]))
  }

  /** Format 1, number of members, then each id and the bytes of its vector after their length, in order of the ids. */
  encode(): Uint8Array<ArrayBuffer> {
    const writer = new ByteWriter()
    writer.byte(FORMAT)
    writer.uint(this.#rows.size)
    for (const member of this.members) {
      const bytes = this.of(member).encode()
      writer.text(member)
      writer.uint(bytes.length)
      writer.raw(bytes)
    }
    return writer.finish()
  }

  static #of(node: string, rows: ReadonlyArray<readonly [string, VersionVector]>): MatrixClock {
    const clock = new MatrixClock({ node, members: rows.map(([member]) => member) })
    if (clock.#rows.size !== rows.length) throw new DecodeError(WHAT, `${JSON.stringify(node)} is no member`)
    for (const [member, row] of rows) clock.#rows.set(member, row)
    return clock
  }
}

/** The events in all of them. */
function least([first = VersionVector.empty, ...others]: readonly VersionVector[]): VersionVector {
  // Rows are mostly equal, or nearly: then this is one pass over numbers.
  return others.reduce(
    (all, row) =>
      row.dominates(all)
        ? all
        : VersionVector.of(
            Array.from(all, ([node, counter]) => [node, Math.min(counter, row.get(node))] as const),
          ),
    first,
  )
}
