import type { QuorumReplica, TaggedRecord } from '../replica.ts'

/** Options of {@link memoryReplica}. */
export interface MemoryReplicaOptions {
  /** Its name, unique within a quorum. */
  readonly id: string
}

/** A replica in memory. */
export interface MemoryReplica<V> extends QuorumReplica<V> {
  /** What it holds, by key; live. */
  readonly records: ReadonlyMap<string, TaggedRecord<V>>
  getMany(keys: readonly string[]): Promise<ReadonlyMap<string, TaggedRecord<V>>>
}

/**
 * A replica that keeps its records in a Map. It holds what it is given: do not change a value later.
 *
 * @example
 * ```ts
 * const replicas = ['us', 'eu', 'ap'].map((id) => memoryReplica<number>({ id }))
 * ```
 */
export function memoryReplica<V>({ id }: MemoryReplicaOptions): MemoryReplica<V> {
  const records = new Map<string, TaggedRecord<V>>()
  return {
    id,
    records,
    get: async (key) => records.get(key),
    getMany: async (keys) => {
      const found = new Map<string, TaggedRecord<V>>()
      for (const key of keys) {
        const record = records.get(key)
        if (record !== undefined) found.set(key, record)
      }
      return found
    },
    putIfNewer: async (key, record) => {
      const old = records.get(key)
      if (old !== undefined && old.tag >= record.tag) return old.tag === record.tag
      records.set(key, record)
      return true
    },
  }
}
