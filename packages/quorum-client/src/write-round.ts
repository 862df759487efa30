import { emit, waitOrAbort } from '@quorate/core'
import type { Context } from './client.ts'
import type { Deadline } from './deadline.ts'
import type { ReplicaFailure } from './errors.ts'
import type { QuorumEvent } from './events.ts'
import { fanOut } from './fan-out.ts'
import { isWritable, type QuorumReplica, type Tag, type TaggedRecord } from './replica.ts'
import type { WriteResult } from './types.ts'

/** A write under way. */
export interface Put {
  /** Settles when W have acknowledged, or no longer can, or time is up. Never rejects. */
  readonly result: Promise<WriteResult>
  /** Settles when all replicas have answered or time is up: the ones beyond W get the value too. */
  readonly rest: Promise<unknown>
}

/** Sends a record to all replicas of its key. */
export function put<V, T extends Tag>(options: {
  readonly context: Context<V, T>
  readonly key: string
  readonly record: TaggedRecord<V, T>
  readonly w: number
  readonly deadline: Deadline
  readonly signal: AbortSignal | undefined
}): Put {
  const { context, key, record, w, deadline } = options
  const { members, onEvent } = context
  const acks: string[] = []
  const failures: ReplicaFailure[] = []
  let superseded = false
  const sent: Promise<unknown>[] = []
  const targets = members.of(key).filter(isWritable)
  const send = (replica: QuorumReplica<V, T>): Promise<boolean> => {
    const call = members.call(replica, () => replica.putIfNewer(key, record, { signal: deadline.signal }))
    const bounded = waitOrAbort(call, deadline.signal)
    sent.push(bounded)
    return bounded
  }
  const round = fanOut({
    targets,
    call: send,
    onAnswer: (replica, hasIt) => {
      acks.push(replica.id)
      superseded ||= !hasIt
    },
    onFailure: (replica, error) => {
      failures.push({ replica: replica.id, error })
      emit<QuorumEvent>(onEvent, () => ({
        type: 'replica-failed',
        replica: replica.id,
        operation: 'write',
        error,
      }))
    },
    isOver: () => acks.length >= w || failures.length > targets.length - w,
    signal: deadline.signal,
  })
  const result = round.then((): WriteResult => {
    const status = acks.length >= w ? 'ok' : 'indeterminate'
    if (status === 'indeterminate') {
      emit<QuorumEvent>(onEvent, () => ({
        type: 'write-indeterminate',
        key,
        tag: record.tag,
        acks: [...acks],
        needed: w,
      }))
    }
    return { status, tag: record.tag as string, acks: [...acks], superseded, failures: [...failures] }
  })
  return { result, rest: Promise.allSettled(sent) }
}
