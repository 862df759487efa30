/** Orders the versions of a key: the greater one is newer. All replicas of a quorum use one kind. */
export type Tag = string | number

/** A value with its version. */
export interface TaggedRecord<V, T extends Tag = string> {
  readonly value: V
  readonly tag: T
}

/** Options of a replica's methods. */
export interface ReplicaCallOptions {
  /** Aborted when the answer is no longer wanted. Stopping early is welcome, not required. */
  readonly signal?: AbortSignal | undefined
}

/** A place with copies that can be read: a database, a service. */
export interface QuorumReadReplica<V, T extends Tag = string> {
  /** Its name, unique within a quorum and the same in every process. */
  readonly id: string
  /** The newest record it has of the key; `undefined` for none. */
  get(key: string, options?: ReplicaCallOptions): Promise<TaggedRecord<V, T> | undefined>
  /** Its records of many keys, in one exchange; absent keys are left out. Default: `get` for each. */
  getMany?(
    keys: readonly string[],
    options?: ReplicaCallOptions,
  ): Promise<ReadonlyMap<string, TaggedRecord<V, T>>>
}

/** A place with copies that can be read and written. */
export interface QuorumReplica<V, T extends Tag = string> extends QuorumReadReplica<V, T> {
  /**
   * Stores the record if its tag is greater than that of the record it has, in one step: two calls at
   * once leave the one with the greater tag, and an equal tag changes nothing. When it resolves, the record, or a newer one, is as
   * durable as this place makes anything.
   *
   * @returns true if the record with this tag is there now, stored or there before; false if a newer one is.
   */
  putIfNewer(key: string, record: TaggedRecord<V, T>, options?: ReplicaCallOptions): Promise<boolean>
}

/** True for a replica that can be written. */
export function isWritable<V, T extends Tag>(
  replica: QuorumReadReplica<V, T>,
): replica is QuorumReplica<V, T> {
  return 'putIfNewer' in replica
}
