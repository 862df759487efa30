import { checkMaxPending, DeliveryBufferFullError } from './errors.ts'

/** A message that names what it depends on. */
export interface DependentMessage {
  /** Unique among all messages. */
  readonly id: string
  /** Ids of the messages that must be delivered before this one. */
  readonly deps: readonly string[]
}

/** Options of {@link DependencyBuffer}. */
export interface DependencyBufferOptions {
  /**
   * True for messages that were delivered before this buffer was made, or that it was told to forget: a look into
   * your store. Default: none.
   */
  readonly isDelivered?: ((id: string) => boolean) | undefined
  /** How many messages may be held back. Default 1,000. */
  readonly maxPending?: number | undefined
}

interface Held<M> {
  readonly message: M
  /** What it still waits for. */
  readonly missing: Set<string>
}

/**
 * Holds messages back until those they name have been delivered: `{ id: 'comment', deps: ['post'] }` waits for
 * `post`. Simpler than vectors, and holds back no more than need be, as only what the sender names counts; the
 * price is that ids must be remembered, see `forget()`.
 *
 * @example
 * ```ts
 * const buffer = new DependencyBuffer<DependentMessage & { text: string }>()
 * buffer.add({ id: '2', deps: ['1'], text: 'First!' }) // []
 * buffer.waitingFor() // ['1']
 * buffer.add({ id: '1', deps: [], text: 'Hello' }) // both, the post first
 * ```
 */
export class DependencyBuffer<M extends DependentMessage = DependentMessage> {
  readonly maxPending: number
  readonly #isDelivered: (id: string) => boolean
  readonly #delivered = new Set<string>()
  readonly #held = new Map<string, Held<M>>()
  /** Who waits for the id. */
  readonly #blocked = new Map<string, Set<Held<M>>>()

  /** @throws RangeError if `maxPending` is not a whole number from 0. */
  constructor({ isDelivered = () => false, maxPending = 1_000 }: DependencyBufferOptions = {}) {
    this.maxPending = checkMaxPending(maxPending)
    this.#isDelivered = isDelivered
  }

  /** How many messages are held back. */
  get pending(): number {
    return this.#held.size
  }

  /** How many delivered ids are kept in memory; see `forget()`. */
  get remembered(): number {
    return this.#delivered.size
  }

  /** True if the message has been delivered. */
  has(id: string): boolean {
    return this.#delivered.has(id) || this.#isDelivered(id)
  }

  /**
   * Takes a message in.
   *
   * @returns what can be delivered now, each after what it depends on; nothing if it must wait, or has come before.
   * @throws DeliveryBufferFullError if it would have to wait, and `maxPending` do already. Those that need not
   *   wait are always taken.
   * @throws TypeError if it is not a message.
   * @throws RangeError if it depends on itself.
   */
  add(message: M): M[] {
    const { id, deps } = message
    if (typeof id !== 'string' || !Array.isArray(deps) || !deps.every((dep) => typeof dep === 'string')) {
      throw new TypeError('A message must have an id and deps, a list of ids')
    }
    if (deps.includes(id)) throw new RangeError(`${id} must not depend on itself`)
    if (this.#held.has(id) || this.has(id)) return []
    const missing = new Set(deps.filter((dep) => !this.has(dep)))
    const [first] = missing
    if (first === undefined) return this.#drain([message])
    if (this.#held.size >= this.maxPending) throw new DeliveryBufferFullError(id, first, this.maxPending)
    const held = { message, missing }
    this.#held.set(id, held)
    for (const dep of missing) {
      const list = this.#blocked.get(dep)
      if (list === undefined) this.#blocked.set(dep, new Set([held]))
      else list.add(held)
    }
    return []
  }

  /**
   * The ids that have to come before all that is held back can be delivered: ask a peer for them. If none is
   * missing and something is pending, messages wait for each other in a circle: `discard()` one.
   */
  waitingFor(): string[] {
    return [...this.#blocked.keys()].filter((id) => !this.#held.has(id))
  }

  /**
   * Takes ids as delivered: they are in a snapshot that was applied, or lost for good.
   *
   * @returns what can be delivered now, each after what it depends on.
   */
  catchUp(ids: Iterable<string>): M[] {
    const out: M[] = []
    // All of them first: one must not come out because another sets it free.
    const known = [...ids]
    for (const id of known) this.#remove(id)
    for (const id of known) this.#settle(id, out)
    return this.#drain(out)
  }

  /** Takes a held-back message out. What depends on it goes on waiting. */
  discard(id: string): M | undefined {
    return this.#remove(id)
  }

  /**
   * Drops delivered ids from memory: those that `isDelivered` knows by now, and those that no message will name
   * any more and that will not come again.
   */
  forget(ids: Iterable<string>): void {
    for (const id of ids) this.#delivered.delete(id)
  }

  /** Settles each message of the list, which grows by those that are set free. */
  #drain(out: M[]): M[] {
    for (const { id } of out) this.#settle(id, out)
    return out
  }

  /** Marks an id as delivered and adds those to the list that waited for nothing else. */
  #settle(id: string, out: M[]): void {
    if (!this.#isDelivered(id)) this.#delivered.add(id)
    const list = this.#blocked.get(id) ?? []
    this.#blocked.delete(id)
    for (const held of list) {
      held.missing.delete(id)
      if (held.missing.size > 0) continue
      this.#held.delete(held.message.id)
      out.push(held.message)
    }
  }

  #remove(id: string): M | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return undefined
    this.#held.delete(id)
    for (const dep of held.missing) {
      const list = this.#blocked.get(dep)
      list?.delete(held)
      if (list?.size === 0) this.#blocked.delete(dep)
    }
    return held.message
  }
}
