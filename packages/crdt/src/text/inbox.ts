import { DuplicateReplicaError } from '../errors.ts'
import { Draft } from './draft.ts'
import { PendingOverflowError } from './errors.ts'
import { Needs } from './needs.ts'
import { Insertion, type Op, part, type Place, Removal } from './ops.ts'
import { Queue } from './queue.ts'
import { addRange, type Ranges } from './ranges.ts'
import { isKnownAs, isSame } from './same.ts'
import type { Sequence } from './sequence.ts'
import type { Site } from './site.ts'

/** What merging would do: checked, and not done yet. */
export interface Plan {
  /** New operations in an order that has each after what it needs. */
  readonly ready: readonly Op[]
  /** Events that would wait then. */
  readonly pending: number
  readonly draft: Draft
}

/** Consecutive characters of a replica. */
export interface Span {
  readonly node: string
  readonly from: number
  readonly to: number
}

/**
 * Holds operations until what they need is there: those before them of their replica, the characters they
 * stand beside, the characters they delete. The rest of what a replica knows is no condition: the order of
 * FugueMax needs none. To take in more costs time for that and for what becomes ready by it, not for all that waits.
 */
export class Inbox {
  readonly #sequence: Sequence
  readonly #maxPending: number
  /** By replica what is not in the document; no queue is empty. */
  readonly #waiting = new Map<string, Queue>()
  readonly #needs = new Needs()
  /** Characters by replica, as far as it took long to find out that they all are. */
  readonly #characters = new Map<string, Ranges>()
  /** Characters that deletions which wait, or waited, delete. */
  readonly #doomed = new Map<string, Ranges>()
  /** Events that wait. */
  pending = 0

  constructor(sequence: Sequence, maxPending: number) {
    this.#sequence = sequence
    this.#maxPending = maxPending
  }

  /** All that waits. */
  get ops(): Op[] {
    return [...this.#waiting.values()].flatMap((queue) => [...queue])
  }

  /** True if edits of a replica wait for edits before them. */
  waitsFor(node: string): boolean {
    return this.pending > 0 && this.#waiting.has(node)
  }

  /**
   * Whether a single operation can be taken in at once, as most can that come one by one. If not, make a plan.
   */
  isNext(op: Op): boolean {
    const site = this.#sequence.sites.get(op.node)
    if (this.pending > 0 || op.counter !== (site?.version ?? 0) + 1) return false
    if (op instanceof Insertion) {
      return (
        this.#isHere(op.leftNode, op.leftCounter, site) && this.#isHere(op.rightNode, op.rightCounter, site)
      )
    }
    if (op.length > 1) return false
    return this.#isHere(op.targetNode, op.target, site)
  }

  /**
   * Sorts out what of some operations can be taken in now.
   *
   * @param ops in order of replicas and counters, each event once.
   * @param hasEdited true if this copy, as `replica`, has made edits: nobody else may make edits of that name then.
   * @throws DecodeError, DuplicateReplicaError or PendingOverflowError.
   */
  plan(ops: readonly Op[], replica: string, hasEdited: boolean): Plan {
    const fresh = this.#fresh(ops, replica, hasEdited)
    const draft = new Draft(this.#sequence, fresh, this.#waiting, this.#needs, this.#characters)
    try {
      draft.sortOut()
      const pending = this.pending + draft.pending
      if (pending > this.#maxPending) throw new PendingOverflowError(pending, this.#maxPending)
      return { ready: draft.ready, pending, draft }
    } catch (error) {
      draft.takeBack()
      throw error
    }
  }

  /**
   * Remembers what waits from now on. What is ready is in the document already.
   *
   * @returns characters in the document that a deletion which waits deletes.
   */
  keep({ draft, ready, pending }: Plan): Span[] {
    this.pending = pending
    draft.settle()
    const doomed: Span[] = []
    for (const op of ready) {
      const ranges = op instanceof Insertion ? this.#doomed.get(op.node) : undefined
      ranges?.within(op.counter, op.counter + op.length - 1, (from, to) => {
        doomed.push({ node: op.node, from, to })
      })
    }
    if (pending === 0) this.#doomed.clear()
    for (const op of draft.left()) {
      let queue = this.#waiting.get(op.node)
      if (queue === undefined) this.#waiting.set(op.node, (queue = new Queue()))
      queue.add(op)
      if (!(op instanceof Removal)) continue
      const { targetNode: node, target, length, step } = op
      const [from, to] = step > 0 ? [target, target + length - 1] : [target - length + 1, target]
      addRange(this.#doomed, node, from, to)
      doomed.push({ node, from, to })
    }
    return doomed
  }

  /** What is new of some operations, by replica. */
  #fresh(ops: readonly Op[], replica: string, hasEdited: boolean): Map<string, Op[]> {
    const fresh = new Map<string, Op[]>()
    for (const op of ops) {
      const known = Math.max(0, (this.#sequence.sites.get(op.node)?.version ?? 0) + 1 - op.counter)
      if (known > 0 && !isKnownAs(this.#sequence, part(op, 0, Math.min(known, op.length)))) {
        refuse(op.node, replica)
      }
      if (known >= op.length) continue
      if (hasEdited && op.node === replica) throw new DuplicateReplicaError('text', replica)
      let list = fresh.get(op.node)
      if (list === undefined) fresh.set(op.node, (list = []))
      const queue = this.#waiting.get(op.node)
      if (queue === undefined) list.push(part(op, known, op.length - known))
      else if (!addUnknown(list, queue, op, known)) refuse(op.node, replica)
    }
    return fresh
  }

  /** True if a character is in the document; one that is derived from another is. It may be of a site at hand. */
  #isHere(name: string, counter: number, likely: Site | undefined): boolean {
    if (counter <= 0) return true
    const site = name === likely?.name ? likely : this.#sequence.sites.get(name)
    return site?.find(counter) !== undefined
  }
}

/** Adds the parts of an operation that do not wait yet. False if it differs from what waits. */
function addUnknown(list: Op[], queue: Queue, op: Op, known: number): boolean {
  const at: Place = { point: 0, unit: 0 }
  for (let from = known; from < op.length;) {
    const counter = op.counter + from
    const other = queue.from(counter)
    const gap = Math.min(op.length - from, (other?.counter ?? Infinity) - counter)
    if (gap > 0) {
      list.push(part(op, from, gap, at))
      from += gap
    } else if (other !== undefined) {
      const offset = counter - other.counter
      const length = Math.min(op.length - from, other.length - offset)
      if (!isSame(part(other, offset, length), part(op, from, length, at))) return false
      from += length
    }
  }
  return true
}

function refuse(node: string, replica: string): never {
  throw new DuplicateReplicaError('text', node, node === replica)
}
