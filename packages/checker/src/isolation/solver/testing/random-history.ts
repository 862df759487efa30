import type { History } from '../../../history.ts'
import type { MicroOperation, Operation, Status } from '../../../operation.ts'

export interface RandomHistoryOptions {
  /** How many in a hundred reads return another value than the simulated store gave. */
  readonly wrongReads: number
  /** How many in a hundred writes repeat a value. */
  readonly duplicates: number
  /** How many in a hundred snapshots are older than the newest. Default 33. */
  readonly oldSnapshots?: number | undefined
  /** How many transactions, keys, processes, and reads and writes in all, at most. Default: few enough to try all orders. */
  readonly size?: { transactions: number; keys: number; processes: number; steps: number } | undefined
}

/**
 * 2–5 transactions of at most 9 reads and writes on up to 3 keys by up to 3 processes, some of them aborted or of unknown
 * outcome. They run on a store that gives each a snapshot, an old one now and then, and does not look for conflicts: what comes out keeps
 * some levels and breaks others. A few reads are then changed.
 */
export function randomHistory(random: (below: number) => number, options: RandomHistoryOptions): History {
  const size = options.size ?? {
    transactions: 2 + Math.max(random(4), random(4), random(4)),
    keys: 1 + Math.min(random(3), random(3)),
    processes: 1 + random(3),
    steps: 9,
  }
  const versions: Map<string, number>[] = [new Map()]
  const written: [string, number][] = []
  const operations: Operation[] = []
  const busyUntil: (number | undefined)[] = []
  /** Some value of the key, the initial one among them. */
  const anyOf = (key: string): number => {
    const values = written.filter(([other]) => other === key)
    return values[random(values.length + 1)]?.[1] ?? 0
  }
  let nextValue = 1
  let steps = size.steps
  let now = 0

  for (let index = 0; index < size.transactions && steps > 0; index++) {
    const process = random(size.processes)
    now = Math.max(now + 1, (busyUntil[process] ?? -1) + 1)
    const roll = random(10)
    const status: Status = roll === 0 ? 'fail' : roll === 1 ? 'unknown' : 'ok'
    const age = random(100) < (options.oldSnapshots ?? 33) ? random(3) : 0
    const snapshot = versions[Math.max(0, versions.length - 1 - age)] as Map<string, number>
    const own = new Map<string, number>()
    const output: MicroOperation[] = []
    for (let step = 1 + Math.max(random(3), random(3)); step > 0 && steps > 0; step--, steps--) {
      const key = `k${random(size.keys)}`
      if (random(2) === 0) {
        const value = written.length > 0 && random(100) < options.duplicates ? random(nextValue) : nextValue++
        own.set(key, value)
        written.push([key, value])
        output.push(['w', key, value])
      } else {
        let value = own.get(key) ?? snapshot.get(key) ?? 0
        if (random(100) < (own.has(key) ? Math.min(3, options.wrongReads) : options.wrongReads))
          value = random(60) === 0 ? 99 : anyOf(key)
        output.push(['r', key, value])
      }
    }
    const happens = status === 'ok' || (status === 'unknown' && random(2) === 0)
    if (happens) versions.push(new Map([...(versions.at(-1) as Map<string, number>), ...own]))
    const end = status === 'unknown' ? Infinity : now + 0.5 + random(4)
    // A process whose operation is unknown goes on, under the same name.
    busyUntil[process] = status === 'unknown' ? now : end
    const input = output.map(([kind, key, value]): MicroOperation => [kind, key, kind === 'w' ? value : null])
    operations.push({
      index,
      process,
      op: 'txn',
      input,
      ...(status === 'ok' ? { output } : {}),
      status,
      start: now,
      end,
    })
  }
  return { operations, faults: [], realTime: true, initial: 0 }
}
