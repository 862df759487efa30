import type { QuorumReadReplica, Tag, TaggedRecord } from './replica.ts'
import { compareTags } from './tags.ts'

/** What one replica said of a key. */
export interface Answer<V, T extends Tag> {
  readonly replica: QuorumReadReplica<V, T>
  /** `undefined` if it has no record. */
  readonly record: TaggedRecord<V, T> | undefined
}

/** A key as the answers so far tell it. */
export interface KeyState<V, T extends Tag> {
  readonly key: string
  readonly answers: readonly Answer<V, T>[]
  /** The answer with the greatest tag. */
  readonly newest: TaggedRecord<V, T> | undefined
}

interface Progress<V, T extends Tag> extends KeyState<V, T> {
  answers: Answer<V, T>[]
  newest: TaggedRecord<V, T> | undefined
  failed: number
}

/**
 * Counts the answers of a read, key by key; pure.
 *
 * collecting ── each key has R answers ──► complete
 *     └─ some key can no longer get R ──► hopeless
 */
export class ReadRound<V, T extends Tag> {
  readonly #n: number
  readonly #r: number
  readonly #keys: ReadonlyMap<string, Progress<V, T>>
  #lacking: number
  #hopeless = false

  constructor(keys: readonly string[], n: number, r: number) {
    this.#n = n
    this.#r = r
    this.#keys = new Map(keys.map((key) => [key, { key, answers: [], newest: undefined, failed: 0 }]))
    this.#lacking = keys.length
  }

  get state(): 'collecting' | 'complete' | 'hopeless' {
    if (this.#lacking === 0) return 'complete'
    return this.#hopeless ? 'hopeless' : 'collecting'
  }

  /** The keys, in the order they were asked for. */
  get keys(): readonly KeyState<V, T>[] {
    return [...this.#keys.values()]
  }

  /** A replica answered for these keys; those not in `records` it does not have. */
  answered(
    replica: QuorumReadReplica<V, T>,
    keys: readonly string[],
    records: ReadonlyMap<string, TaggedRecord<V, T>>,
  ): void {
    for (const key of keys) {
      const progress = this.#keys.get(key)
      if (progress === undefined) continue
      const record = records.get(key)
      progress.answers.push({ replica, record })
      if (compareTags(record?.tag, progress.newest?.tag) > 0) progress.newest = record
      if (progress.answers.length === this.#r) this.#lacking--
    }
  }

  /** A replica will not answer for these keys. */
  failed(keys: readonly string[]): void {
    for (const key of keys) {
      const progress = this.#keys.get(key)
      if (progress !== undefined && ++progress.failed > this.#n - this.#r) this.#hopeless = true
    }
  }
}
