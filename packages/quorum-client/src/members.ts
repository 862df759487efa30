import { rendezvous } from '@quorate/core'
import { ReplicaBusyError } from './errors.ts'
import type { QuorumReadReplica, Tag } from './replica.ts'

/** The replicas of a quorum: which hold a key, and how many calls each may have pending. */
export class Members<V, T extends Tag> {
  readonly n: number
  readonly maxInFlight: number
  readonly #replicas: readonly QuorumReadReplica<V, T>[]
  readonly #place: (key: string) => readonly QuorumReadReplica<V, T>[]
  readonly #pending = new Map<string, number>()

  /** @throws TypeError for what is no replica; RangeError for no replica, two with one id, or an `n` or `maxInFlight` out of range. */
  constructor(replicas: readonly QuorumReadReplica<V, T>[], n: number | undefined, maxInFlight: number) {
    if (!replicas.every((replica) => typeof replica?.id === 'string' && typeof replica.get === 'function')) {
      throw new TypeError('Cannot make a quorum: each replica must have an id and get()')
    }
    const ids = new Set(replicas.map(({ id }) => id))
    if (ids.size === 0) throw new RangeError('Cannot make a quorum: there must be a replica')
    if (ids.size < replicas.length)
      throw new RangeError('Cannot make a quorum: two replicas have the same id')
    this.n = n ?? replicas.length
    if (!Number.isInteger(this.n) || this.n < 1 || this.n > replicas.length) {
      throw new RangeError(`n must be a whole number from 1 to ${replicas.length} replicas, got ${n}`)
    }
    if (!(maxInFlight >= 1)) throw new RangeError(`maxInFlight must be at least 1, got ${maxInFlight}`)
    this.#replicas = replicas
    this.maxInFlight = maxInFlight
    const ranking = rendezvous(replicas.map((replica) => ({ id: replica.id, replica })))
    this.#place = (key) =>
      this.n === replicas.length
        ? replicas
        : ranking
            .rank(key)
            .slice(0, this.n)
            .map(({ replica }) => replica)
  }

  /** The replicas that hold a key. */
  of(key: string): readonly QuorumReadReplica<V, T>[] {
    return this.#place(key)
  }

  /** The keys that each replica holds. */
  keysBy(keys: readonly string[]): Map<QuorumReadReplica<V, T>, readonly string[]> {
    if (this.n === this.#replicas.length) return new Map(this.#replicas.map((replica) => [replica, keys]))
    const plan = new Map<QuorumReadReplica<V, T>, string[]>()
    for (const key of keys) {
      for (const replica of this.of(key)) {
        const list = plan.get(replica)
        if (list === undefined) plan.set(replica, [key])
        else list.push(key)
      }
    }
    return plan
  }

  /**
   * Calls a replica, unless too many calls are pending there: behind one that is frozen they would pile
   * up without end. A call that is no longer waited for still counts until the replica answers.
   *
   * @throws ReplicaBusyError if it was not called.
   */
  async call<A>({ id }: QuorumReadReplica<V, T>, operation: () => Promise<A>): Promise<A> {
    const pending = this.#pending.get(id) ?? 0
    if (pending >= this.maxInFlight) throw new ReplicaBusyError(id, this.maxInFlight)
    this.#pending.set(id, pending + 1)
    try {
      return await operation()
    } finally {
      this.#pending.set(id, (this.#pending.get(id) ?? 1) - 1)
    }
  }
}
