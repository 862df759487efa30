import { checkDot, type Dot } from '../dot.ts'
import { checkVersion, VersionVector } from '../version-vector.ts'
import type { DotRun } from '../causal-context.ts'
import { checkMaxPending, DeliveryBufferFullError } from './errors.ts'

/** A message with its place in the history: the `counter`-th of `node`, sent by one who had seen `deps`. */
export interface CausalMessage extends Dot {
  /**
   * What its sender had delivered before. The sender's own entry may be left out, or be that of the message, as in
   * a classic vector clock: its messages come in order anyway.
   */
  readonly deps: VersionVector
}

/** Options of {@link CausalBuffer}. */
export interface CausalBufferOptions {
  /** What was delivered before a restart, or is in the snapshot one starts from. Default: nothing. */
  readonly delivered?: VersionVector | undefined
  /** How many messages may be held back. Default 1,000. */
  readonly maxPending?: number | undefined
}

/**
 * Holds messages back until all that they depend on has been delivered: the comment waits for its post (causal
 * broadcast: Birman, Schiper, Stephenson 1991). Each message comes out once, after every message its sender had
 * seen; concurrent ones in the order they came.
 *
 * Every replica hands its own messages to its own buffer too.
 *
 * @example
 * ```ts
 * const buffer = new CausalBuffer<CausalMessage & { text: string }>()
 * buffer.add({ node: 'bob', counter: 1, deps: VersionVector.of({ ann: 1 }), text: 'First!' }) // []
 * buffer.waitingFor() // [{ node: 'ann', from: 1, to: 1 }]
 * buffer.add({ node: 'ann', counter: 1, deps: VersionVector.empty, text: 'Hello' }) // both, the post first
 * ```
 */
export class CausalBuffer<M extends CausalMessage = CausalMessage> {
  readonly maxPending: number
  #delivered: VersionVector
  #pending = 0
  /** Held back, by node and counter. */
  readonly #held = new Map<string, Map<number, M>>()
  /** Who waits for the event to be delivered, by node and counter. Each message is in one list at a time. */
  readonly #blocked = new Map<string, Map<number, M[]>>()

  /** @throws RangeError if `maxPending` is not a whole number from 0. */
  constructor({ delivered = VersionVector.empty, maxPending = 1_000 }: CausalBufferOptions = {}) {
    this.maxPending = checkMaxPending(maxPending)
    this.#delivered = delivered
  }

  /** All that has been delivered. Store it with its effects: it is what a restart begins with. */
  get delivered(): VersionVector {
    return this.#delivered
  }

  /** How many messages are held back. */
  get pending(): number {
    return this.#pending
  }

  /** The place of this replica's next message. Hand the message to `add()` before asking for another. */
  stamp(node: string): CausalMessage {
    const counter = checkDot(node, this.#delivered.get(node) + 1)
    return { node, counter, deps: this.#delivered }
  }

  /**
   * Takes a message in.
   *
   * @returns what can be delivered now, in causal order; nothing if it must wait, or has come before.
   * @throws DeliveryBufferFullError if it would have to wait, and `maxPending` do already. Those that need not
   *   wait are always taken.
   * @throws TypeError or RangeError if it is not a message, or waits for a later one of its own node.
   */
  add(message: M): M[] {
    const { node, counter, deps } = message
    checkDot(node, counter)
    checkVersion('deps', deps)
    if (deps.get(node) > counter) {
      throw new RangeError(`${name(message)} must not depend on a later one of ${node}`)
    }
    if (counter <= this.#delivered.get(node) || this.#held.get(node)?.has(counter)) return []
    const missing = this.#missing(message)
    if (missing === undefined) return this.#deliver(message)
    if (this.#pending >= this.maxPending) {
      throw new DeliveryBufferFullError(name(message), name(missing), this.maxPending)
    }
    put(this.#held, node, counter, message)
    this.#pending++
    this.#block(message, missing)
    return []
  }

  /**
   * What has to come before all that is held back can be delivered, as runs: ask a peer for it. Held-back messages
   * are not in it, nor what the missing ones may depend on in turn. If nothing is missing and something is pending,
   * messages wait for each other in a circle, which no honest senders make: `discard()` one.
   */
  waitingFor(): DotRun[] {
    const needed = new Map<string, number>()
    const need = (node: string, counter: number): void =>
      void needed.set(node, Math.max(counter, needed.get(node) ?? 0))
    for (const [node, messages] of this.#held) {
      for (const [counter, { deps }] of messages) {
        need(node, counter - 1)
        for (const [other, upTo] of deps) if (other !== node) need(other, upTo)
      }
    }
    const runs: DotRun[] = []
    for (const [node, to] of [...needed].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const here = [...(this.#held.get(node)?.keys() ?? [])].filter((counter) => counter <= to)
      let from = this.#delivered.get(node) + 1
      // One past the end closes the last gap.
      for (const counter of [...here.toSorted((a, b) => a - b), to + 1]) {
        if (counter > from) runs.push({ node, from, to: counter - 1 })
        from = counter + 1
      }
    }
    return runs
  }

  /**
   * Takes all of a history as delivered: after a snapshot that holds it was applied, or to give up what is lost.
   *
   * @returns what can be delivered now, in causal order.
   */
  catchUp(history: VersionVector): M[] {
    const held = [...this.#held.values()].flatMap((messages) => [...messages.values()])
    this.#delivered = this.#delivered.merge(history)
    this.#held.clear()
    this.#blocked.clear()
    this.#pending = 0
    const delivered: M[] = []
    // Each was taken once, so none is refused now: there are no more of them than before.
    for (const message of held) delivered.push(...this.add(message))
    return delivered
  }

  /** Takes a held-back message out. What depends on it goes on waiting. */
  discard(dot: Dot): M | undefined {
    const message = this.#held.get(dot.node)?.get(dot.counter)
    if (message === undefined) return undefined
    // Conditions are met in a fixed order and stay met, so the first unmet one is where it is listed.
    const { node, counter } = this.#missing(message) as Dot
    const list = (this.#blocked.get(node)?.get(counter) ?? []).filter((other) => other !== message)
    if (list.length > 0) put(this.#blocked, node, counter, list)
    else drop(this.#blocked, node, counter)
    this.#release(message)
    return message
  }

  /** The first event that has to be delivered before this message. */
  #missing({ node, counter, deps }: M): Dot | undefined {
    const delivered = this.#delivered
    if (delivered.get(node) < counter - 1) return { node, counter: counter - 1 }
    if (delivered.dominates(deps)) return undefined
    for (const [other, upTo] of deps) {
      if (other !== node && delivered.get(other) < upTo) return { node: other, counter: upTo }
    }
    return undefined
  }

  /** Delivers a message and all that it sets free. Grows its list while walking it, so no chain is too long. */
  #deliver(first: M): M[] {
    const out = [first]
    for (const { node, counter } of out) {
      this.#delivered = this.#delivered.increment(node)
      const freed = this.#blocked.get(node)?.get(counter)
      if (freed === undefined) continue
      drop(this.#blocked, node, counter)
      for (const message of freed) {
        const missing = this.#missing(message)
        if (missing !== undefined) this.#block(message, missing)
        else {
          this.#release(message)
          out.push(message)
        }
      }
    }
    return out
  }

  #block(message: M, { node, counter }: Dot): void {
    const list = this.#blocked.get(node)?.get(counter)
    if (list === undefined) put(this.#blocked, node, counter, [message])
    else list.push(message)
  }

  #release({ node, counter }: M): void {
    drop(this.#held, node, counter)
    this.#pending--
  }
}

const name = ({ node, counter }: Dot): string => `${node}:${counter}`

function put<T>(map: Map<string, Map<number, T>>, node: string, counter: number, value: T): void {
  const inner = map.get(node)
  if (inner === undefined) map.set(node, new Map([[counter, value]]))
  else inner.set(counter, value)
}

/** Empty maps go too: node ids come from outside, and must not pile up. */
function drop<T>(map: Map<string, Map<number, T>>, node: string, counter: number): void {
  const inner = map.get(node)
  inner?.delete(counter)
  if (inner?.size === 0) map.delete(node)
}
