import { emit } from '@quorate/core'
import type { Context } from './client.ts'
import { QuorumUnavailableError, type ReplicaFailure } from './errors.ts'
import type { QuorumEvent } from './events.ts'
import { fanOut } from './fan-out.ts'
import { Gate } from './gate.ts'
import type { KeyState } from './read-round.ts'
import { isWritable, type QuorumReplica, type Tag, type TaggedRecord } from './replica.ts'

/** A record a replica lacks. */
interface Stale<V, T extends Tag> {
  readonly key: string
  readonly replica: QuorumReplica<V, T>
  readonly from: T | undefined
  readonly record: TaggedRecord<V, T>
}

/** Puts under way on one replica: thousands at once would be refused (`maxInFlight`) or crowd out others. */
const MAX_PUTS = 32

/**
 * Puts the newest record where it is missing. Without `needed` that is on the replicas that answered,
 * and a failure is only reported. With it (ABD's write-back) it is on all that hold the key, until each
 * key's newest record is on `needed` of them: then every later read meets it.
 *
 * @returns the replicas that were repaired, by key.
 * @throws QuorumUnavailableError if `needed` was not reached.
 */
export async function repair<V, T extends Tag>(options: {
  readonly context: Context<V, T>
  readonly states: readonly KeyState<V, T>[]
  readonly needed: number | undefined
  readonly signal: AbortSignal
}): Promise<ReadonlyMap<string, readonly string[]>> {
  const { context, states, needed, signal } = options
  const { members, onEvent } = context
  const repaired = new Map<string, string[]>()
  const failures: ReplicaFailure[] = []
  const holders = new Map(states.map((state) => [state.key, holdersOf(state)]))
  const lacking = (): string[] =>
    states
      .filter(({ key, newest }) => newest !== undefined && count(key) < (needed ?? 0))
      .map(({ key }) => key)
  const count = (key: string): number => holders.get(key)?.size ?? 0
  const targets = states.flatMap((state) => stale(context, state, needed, holders.get(state.key)))
  const gate = new Gate(Math.min(MAX_PUTS, members.maxInFlight))
  await fanOut({
    targets,
    call: ({ replica, key, record }) =>
      gate.run(replica.id, async () => {
        signal.throwIfAborted() // its turn came too late
        return members.call(replica, () => replica.putIfNewer(key, record, { signal }))
      }),
    onAnswer: ({ replica, key, from, record }, hasIt) => {
      holders.get(key)?.add(replica.id)
      if (!hasIt) return
      repaired.set(key, [...(repaired.get(key) ?? []), replica.id])
      emit<QuorumEvent>(onEvent, () => ({ type: 'repaired', replica: replica.id, key, from, to: record.tag }))
    },
    onFailure: ({ replica }, error) => {
      failures.push({ replica: replica.id, error })
      emit<QuorumEvent>(onEvent, () => ({
        type: 'replica-failed',
        replica: replica.id,
        operation: 'repair',
        error,
      }))
    },
    isOver: () => needed !== undefined && lacking().length === 0,
    signal,
  })
  const keys = lacking()
  if (keys.length === 0) return repaired
  const responses = [...(holders.get(keys[0] as string) ?? [])]
  throw new QuorumUnavailableError('write back', { keys, needed: needed ?? 0, responses, failures })
}

const holdersOf = <V, T extends Tag>({ answers, newest }: KeyState<V, T>): Set<string> =>
  new Set(answers.filter(({ record }) => record?.tag === newest?.tag).map(({ replica }) => replica.id))

function stale<V, T extends Tag>(
  { members }: Context<V, T>,
  { key, answers, newest: record }: KeyState<V, T>,
  needed: number | undefined,
  holders: ReadonlySet<string> | undefined,
): Stale<V, T>[] {
  if (record === undefined || (needed !== undefined && (holders?.size ?? 0) >= needed)) return []
  const candidates = needed === undefined ? answers.map(({ replica }) => replica) : members.of(key)
  return candidates
    .filter(isWritable)
    .filter(({ id }) => holders?.has(id) !== true)
    .map((replica) => {
      const from = answers.find((answer) => answer.replica.id === replica.id)?.record?.tag
      return { key, replica, from, record }
    })
}
