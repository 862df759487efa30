import { DecodeError } from '@quorate/vector-clock'
import { DuplicateReplicaError } from '../errors.ts'
import { PendingOverflowError } from './errors.ts'
import { DERIVED, Insertion, type Op, part, Removal } from './ops.ts'
import { isKnownAs, isSame } from './same.ts'
import type { Sequence } from './sequence.ts'

/** What merging would do: checked, and not done yet. */
export interface Plan {
  /** New operations in an order that has each after what it needs. */
  readonly ready: readonly Op[]
  /** Those that must wait, by replica. */
  readonly waiting: Map<string, Op[]>
  readonly pending: number
}

/**
 * Holds operations until what they need is there: those before them of their replica, the characters they
 * stand beside, the characters they delete. The rest of what a replica knows is no condition: the order of
 * FugueMax needs none.
 */
export class Inbox {
  readonly #sequence: Sequence
  readonly #maxPending: number
  /** By replica, in order, each event once, none that is in the document. */
  #waiting = new Map<string, Op[]>()
  /** Events that wait. */
  pending = 0

  constructor(sequence: Sequence, maxPending: number) {
    this.#sequence = sequence
    this.#maxPending = maxPending
  }

  /** All that waits. */
  get ops(): Op[] {
    return [...this.#waiting.values()].flat()
  }

  /** True if edits of a replica wait for edits before them. */
  waitsFor(node: string): boolean {
    return this.#waiting.has(node)
  }

  /**
   * Whether a single operation can be taken in at once, as most can that come one by one. If not, make a plan.
   */
  isNext(op: Op): boolean {
    const { sites } = this.#sequence
    if (this.pending > 0 || op.counter !== (sites.get(op.node)?.version ?? 0) + 1) return false
    if (op instanceof Insertion) {
      return this.#isHere(op.leftNode, op.leftCounter) && this.#isHere(op.rightNode, op.rightCounter)
    }
    if (op.length > 1) return false
    return this.#isHere(op.targetNode, op.target)
  }

  /**
   * Sorts out what of some operations can be taken in now.
   *
   * @param ops in order of replicas and counters, each event once.
   * @param hasEdited true if this copy, as `replica`, has made edits: nobody else may make edits of that name then.
   * @throws DecodeError, DuplicateReplicaError or PendingOverflowError.
   */
  plan(ops: readonly Op[], replica: string, hasEdited: boolean, maxPending: number = this.#maxPending): Plan {
    const queues = this.#queues(ops, replica, hasEdited)
    const versions = new Map<string, number>()
    const versionOf = (name: string): number =>
      versions.get(name) ?? this.#sequence.sites.get(name)?.version ?? 0
    const ready: Op[] = []
    const taken = new Map<string, number>()
    /** Replicas whose next operation waits for one of another, by that other. */
    const blocked = new Map<string, string[]>()
    for (const stack = [...queues.keys()]; stack.length > 0;) {
      const node = stack.pop() as string
      const queue = queues.get(node) as Op[]
      let at = taken.get(node) ?? 0
      for (; at < queue.length; at++) {
        const op = queue[at] as Op
        if (op.counter !== versionOf(node) + 1) break
        const length = this.#readyPart(op, versionOf, queues)
        if (length > 0) {
          ready.push(part(op, 0, length))
          versions.set(node, op.counter + length - 1)
        }
        if (length < op.length) {
          if (length > 0) queue[at] = part(op, length, op.length - length)
          const needed = this.#needs(op, versionOf)
          const list = blocked.get(needed)
          if (list === undefined) blocked.set(needed, [node])
          else list.push(node)
          break
        }
      }
      if (at !== taken.get(node)) {
        taken.set(node, at)
        stack.push(...(blocked.get(node) ?? []))
        blocked.delete(node)
      }
    }
    const { waiting, pending } = leftOf(queues, taken)
    if (pending > maxPending) throw new PendingOverflowError(pending, maxPending)
    return { ready, waiting, pending }
  }

  /** Remembers what waits from now on. */
  keep(plan: Plan): void {
    this.#waiting = plan.waiting
    this.pending = plan.pending
  }

  /** What is new of some operations, with what waited, by replica. */
  #queues(ops: readonly Op[], replica: string, hasEdited: boolean): Map<string, Op[]> {
    const queues = new Map<string, Op[]>()
    for (const op of ops) {
      const known = Math.max(0, (this.#sequence.sites.get(op.node)?.version ?? 0) + 1 - op.counter)
      if (known > 0 && !isKnownAs(this.#sequence, part(op, 0, Math.min(known, op.length)))) {
        refuse(op.node, replica)
      }
      if (known >= op.length) continue
      if (hasEdited && op.node === replica) throw new DuplicateReplicaError('text', replica)
      const rest = part(op, known, op.length - known)
      const queue = queues.get(op.node)
      if (queue === undefined) queues.set(op.node, [rest])
      else queue.push(rest)
    }
    for (const [node, waiting] of this.#waiting) {
      const queue = queues.get(node)
      const all = queue === undefined ? waiting.slice() : union(waiting, queue)
      queues.set(node, all ?? refuse(node, replica))
    }
    return queues
  }

  /** How many of an operation's events, from the first on, can be taken in. */
  #readyPart(
    op: Op,
    versionOf: (name: string) => number,
    queues: ReadonlyMap<string, readonly Op[]>,
  ): number {
    if (op instanceof Insertion) {
      const isReady =
        this.#isReady(op.leftNode, op.leftCounter, versionOf, queues) &&
        this.#isReady(op.rightNode, op.rightCounter, versionOf, queues)
      return isReady ? op.length : 0
    }
    const known = versionOf(op.targetNode)
    if (op.target > known) return 0
    const length = op.step > 0 ? Math.min(op.length, known + 1 - op.target) : op.length
    const low = op.step > 0 ? op.target : op.target - length + 1
    for (let counter = low; counter < low + length;) {
      counter = this.#endOf(op.targetNode, counter, queues)
    }
    return length
  }

  /** True if a character is in the document; one that is derived from another is. */
  #isHere(name: string, counter: number): boolean {
    if (counter <= 0) return true
    return this.#sequence.sites.get(name)?.find(counter) !== undefined
  }

  #isReady(
    name: string,
    counter: number,
    versionOf: (name: string) => number,
    queues: ReadonlyMap<string, readonly Op[]>,
  ): boolean {
    if (counter === 0 || counter === DERIVED) return true
    if (counter > versionOf(name)) return false
    this.#endOf(name, counter, queues)
    return true
  }

  /** The event after the known run of characters that has this one. @throws DecodeError if it is no character. */
  #endOf(name: string, counter: number, queues: ReadonlyMap<string, readonly Op[]>): number {
    const site = this.#sequence.sites.get(name)
    if (site !== undefined && counter <= site.version) {
      const piece = site.find(counter)
      if (piece !== undefined) return piece.counter + piece.length
    } else {
      const op = opWith(queues.get(name) ?? [], counter)
      // What was taken of a removal is not in the queue any more: the one before it does not have the event.
      if (op instanceof Insertion && op.counter + op.length > counter) return op.counter + op.length
    }
    throw new DecodeError('text', `edit ${counter} of ${JSON.stringify(name)} is not a character`)
  }

  /** The replica that has to write more before an operation can be taken in. */
  #needs(op: Op, versionOf: (name: string) => number): string {
    if (op instanceof Removal) return op.targetNode
    return op.leftCounter > versionOf(op.leftNode) ? op.leftNode : op.rightNode
  }
}

/** What is left in the queues after what was taken. */
function leftOf(
  queues: ReadonlyMap<string, Op[]>,
  taken: ReadonlyMap<string, number>,
): { waiting: Map<string, Op[]>; pending: number } {
  const waiting = new Map<string, Op[]>()
  let pending = 0
  for (const [node, queue] of queues) {
    const left = queue.slice(taken.get(node) ?? 0)
    if (left.length > 0) waiting.set(node, left)
    for (const op of left) pending += op.length
  }
  return { waiting, pending }
}

function refuse(node: string, replica: string): never {
  throw new DuplicateReplicaError('text', node, node === replica)
}

/** Two lists in order as one, each event once; `undefined` if they differ in one. */
function union(a: readonly Op[], b: readonly Op[]): Op[] | undefined {
  const out: Op[] = []
  let last: Op | undefined
  for (const op of [...a, ...b].toSorted((one, other) => one.counter - other.counter)) {
    const known = last === undefined ? 0 : Math.max(0, last.counter + last.length - op.counter)
    if (last !== undefined && known > 0) {
      const length = Math.min(known, op.length)
      if (!isSame(part(last, op.counter - last.counter, length), part(op, 0, length))) return undefined
    }
    if (known >= op.length) continue
    last = part(op, known, op.length - known)
    out.push(last)
  }
  return out
}

/** The operation of a list in order that has an event. */
function opWith(ops: readonly Op[], counter: number): Op | undefined {
  let low = 0
  let high = ops.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ops[middle] as Op).counter <= counter) low = middle + 1
    else high = middle
  }
  return ops[low - 1]
}
