import { DecodeError } from '@quorate/vector-clock'
import { type Need, Needs } from './needs.ts'
import { DERIVED, Insertion, type Op, part, Removal } from './ops.ts'
import type { Queue } from './queue.ts'
import { addRange, type Ranges } from './ranges.ts'
import type { Sequence } from './sequence.ts'

/** Longer walks over pieces are remembered, so that nobody can have the same one made again and again. */
const LONG_WALK = 32

/**
 * Finds out what becomes ready by new operations, the state being left as it is but for who needs what; that is changed
 * as it goes, and can be taken back.
 */
export class Draft {
  readonly ready: Op[] = []
  /** How many operations and pieces were looked at: for tests. */
  steps = 0
  readonly #sequence: Sequence
  readonly #fresh: ReadonlyMap<string, readonly Op[]>
  readonly #waiting: Map<string, Queue>
  readonly #needs: Needs
  readonly #characters: Map<string, Ranges>
  /** By replica, if it would have more than it has. */
  readonly #versions = new Map<string, number>()
  /** By replica, how many of its new operations are passed. */
  readonly #passed = new Map<string, number>()
  /** Needs found here, and those of before that are met. */
  readonly #made = new Needs()
  readonly #met: Need[] = []
  readonly #walks = new Map<string, Ranges>()
  #pending = 0

  constructor(
    sequence: Sequence,
    fresh: ReadonlyMap<string, readonly Op[]>,
    waiting: Map<string, Queue>,
    needs: Needs,
    characters: Map<string, Ranges>,
  ) {
    this.#sequence = sequence
    this.#fresh = fresh
    this.#waiting = waiting
    this.#needs = needs
    this.#characters = characters
  }
  /** How many more events would wait than do. */
  get pending(): number {
    return this.#pending
  }

  /** @throws DecodeError if something stands beside, or deletes, what is no character. */
  sortOut(): void {
    for (const ops of this.#fresh.values()) for (const { length } of ops) this.#pending += length
    const stack = [...this.#fresh.keys()].filter((node) => !this.#needs.has(node))
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (!this.#advance(node)) continue
      const version = this.#versionOf(node)
      for (let need = this.#made.take(node, version); need; need = this.#made.take(node, version)) {
        stack.push(need.node)
      }
      for (let need = this.#needs.take(node, version); need; need = this.#needs.take(node, version)) {
        this.#met.push(need)
        stack.push(need.node)
      }
    }
  }

  /** All is as it was before {@link sortOut}. */
  takeBack(): void {
    for (const need of this.#met) this.#needs.add(need)
  }

  /** What is ready does not wait any more. */
  settle(): void {
    for (const [node, version] of this.#versions) {
      const queue = this.#waiting.get(node)
      queue?.dropTo(version)
      if (queue?.isEmpty === true) this.#waiting.delete(node)
    }
    for (const need of this.#made) this.#needs.add(need)
    for (const [name, ranges] of this.#walks) {
      ranges.within(0, Infinity, (from, to) => {
        addRange(this.#characters, name, from, to)
      })
    }
  }

  /** What of the new operations has to wait. */
  *left(): IterableIterator<Op> {
    for (const [node, ops] of this.#fresh) {
      const version = this.#versionOf(node)
      for (const op of ops) {
        const known = Math.max(0, version + 1 - op.counter)
        if (known < op.length) yield part(op, known, op.length - known)
      }
    }
  }

  /** Takes what is ready of a replica. False if that is nothing. */
  #advance(node: string): boolean {
    const before = this.#versionOf(node)
    for (let version = before; ;) {
      const op = this.#next(node, version + 1)
      this.steps++
      if (op === undefined) return version > before
      const known = version + 1 - op.counter
      const rest = part(op, known, op.length - known)
      const length = this.#readyPart(rest)
      if (length > 0) {
        this.ready.push(part(rest, 0, length))
        version += length
        this.#versions.set(node, version)
        this.#pending -= length
      }
      if (length === rest.length) continue
      this.#made.add(this.#needOf(rest, length))
      return version > before
    }
  }

  /** The operation with an event, where those before it of its replica are passed. */
  #next(node: string, counter: number): Op | undefined {
    const ops = this.#fresh.get(node)
    if (ops !== undefined) {
      let at = this.#passed.get(node) ?? 0
      for (let op = ops[at]; op !== undefined && op.counter + op.length <= counter; op = ops[++at]);
      this.#passed.set(node, at)
      const op = ops[at]
      if (op !== undefined && op.counter <= counter) return op
    }
    return this.#waiting.get(node)?.find(counter)
  }

  #versionOf(name: string): number {
    return this.#versions.get(name) ?? this.#sequence.sites.get(name)?.version ?? 0
  }

  /** How many of an operation's events, from the first on, can be taken in. */
  #readyPart(op: Op): number {
    if (op instanceof Insertion) {
      const isReady =
        this.#isReady(op.leftNode, op.leftCounter) && this.#isReady(op.rightNode, op.rightCounter)
      return isReady ? op.length : 0
    }
    const { targetNode, target, step } = op
    const known = this.#versionOf(targetNode)
    if (target > known) return 0
    const length = step > 0 ? Math.min(op.length, known + 1 - target) : op.length
    const low = step > 0 ? target : target - length + 1
    this.#checkCharacters(targetNode, low, low + length)
    return length
  }

  #isReady(name: string, counter: number): boolean {
    if (counter === 0 || counter === DERIVED) return true
    if (counter > this.#versionOf(name)) return false
    this.#endOf(name, counter)
    return true
  }

  /** What has to come before more than so much of an operation can be taken in. */
  #needOf(op: Op, length: number): Need {
    const { node } = op
    if (op instanceof Removal) {
      return { node, of: op.targetNode, counter: op.step > 0 ? op.target + length : op.target }
    }
    return op.leftCounter > this.#versionOf(op.leftNode)
      ? { node, of: op.leftNode, counter: op.leftCounter }
      : { node, of: op.rightNode, counter: op.rightCounter }
  }

  #checkCharacters(name: string, from: number, end: number): void {
    let steps = 0
    for (let counter = from; counter < end; steps++) {
      const known = this.#characters.get(name)?.endOf(counter) ?? this.#walks.get(name)?.endOf(counter)
      counter = known === undefined ? this.#endOf(name, counter) : known + 1
    }
    this.steps += steps
    if (steps > LONG_WALK) addRange(this.#walks, name, from, end - 1)
  }

  /** The event after the known run of characters that has this one. @throws DecodeError if it is no character. */
  #endOf(name: string, counter: number): number {
    const site = this.#sequence.sites.get(name)
    if (site !== undefined && counter <= site.version) {
      const piece = site.find(counter)
      if (piece !== undefined) return piece.counter + piece.length
    } else {
      const ops = this.#fresh.get(name)
      const op = (ops && opWith(ops, counter)) ?? this.#waiting.get(name)?.find(counter)
      if (op instanceof Insertion) return op.counter + op.length
    }
    throw new DecodeError('text', `edit ${counter} of ${JSON.stringify(name)} is not a character`)
  }
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
  const op = ops[low - 1]
  return op !== undefined && counter < op.counter + op.length ? op : undefined
}
