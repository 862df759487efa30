import { waitOrAbort } from '@quorate/core'
import type { QuorumReplica } from '../replica.ts'

/** A replica under faults; healthy at first. */
export interface FaultyReplica<V> extends QuorumReplica<V> {
  /** Calls that reached it, healthy or not, by method. */
  readonly calls: { readonly get: number; readonly getMany: number; readonly putIfNewer: number }
  /** From now on calls reject with the error, and nothing happens. */
  fail(error?: Error): void
  /** From now on calls are held: nothing happens until `heal()`. */
  freeze(): void
  /** From now on puts happen, but their answer is lost: they reject. */
  loseReplies(): void
  /** Healthy again; held calls go on. */
  heal(): void
}

type Mode = { type: 'healthy' } | { type: 'failing'; error: Error } | { type: 'frozen' } | { type: 'lossy' }

/** Puts faults between a quorum and a replica. */
export function faultyReplica<V>(replica: QuorumReplica<V>): FaultyReplica<V> {
  let mode: Mode = { type: 'healthy' }
  let held: (() => void)[] = []
  const calls = { get: 0, getMany: 0, putIfNewer: 0 }
  const pass = async <A>(
    method: keyof typeof calls,
    signal: AbortSignal | undefined,
    call: () => Promise<A>,
  ): Promise<A> => {
    calls[method]++
    while (mode.type === 'frozen')
      await waitOrAbort(new Promise<void>((resolve) => held.push(resolve)), signal)
    if (mode.type === 'failing') throw mode.error
    const answer = await call()
    if (mode.type === 'lossy' && method === 'putIfNewer') throw new Error('The connection was lost')
    return answer
  }
  const set = (next: Mode): void => {
    mode = next
    const waking = held
    held = []
    for (const wake of waking) wake()
  }
  return {
    id: replica.id,
    calls,
    get: (key, options = {}) => pass('get', options.signal, () => replica.get(key, options)),
    getMany: (keys, options = {}) =>
      pass('getMany', options.signal, async () => {
        if (replica.getMany !== undefined) return replica.getMany(keys, options)
        const records = await Promise.all(keys.map(async (key) => ({ key, record: await replica.get(key) })))
        return new Map(records.flatMap(({ key, record }) => (record === undefined ? [] : [[key, record]])))
      }),
    putIfNewer: (key, record, options = {}) =>
      pass('putIfNewer', options.signal, () => replica.putIfNewer(key, record, options)),
    fail: (error = new Error('The replica is down')) => set({ type: 'failing', error }),
    freeze: () => set({ type: 'frozen' }),
    loseReplies: () => set({ type: 'lossy' }),
    heal: () => set({ type: 'healthy' }),
  }
}
