// Histories made by a simulation with a seed: the same in every run.
import type { History, Operation } from '@quorate/checker'

/** What {@link registerHistory} is made of. */
export interface RegisterWorkload {
  readonly operations: number
  readonly clients: number
  /** Writes take one of so many values; `unique` gives each its own. */
  readonly values: number | 'unique'
  /** Share of reads. Default 0.5. */
  readonly reads?: number
  /** Share of operations without an answer, half of which took effect. Default 0. */
  readonly unknown?: number
  /** Operation, as a share of all, whose read is changed to a value that was overwritten long before. */
  readonly staleAt?: number
  readonly seed: number
}

interface Open {
  readonly process: number
  readonly isRead: boolean
  readonly value: number
  readonly start: number
  output: number | null
  done: boolean
}

/**
 * Clients that read and write one linearizable register. Each always has an operation open; at each step a random
 * client moves on: its operation begins, takes effect, or ends. So almost `clients` operations are open at once.
 */
export function registerHistory(workload: RegisterWorkload): History {
  const { operations: count, clients, values, reads = 0.5, unknown = 0, staleAt, seed } = workload
  const random = randomOf(seed)
  const operations: Omit<Operation, 'index'>[] = []
  const open: (Open | undefined)[] = Array.from({ length: clients }, () => undefined)
  const names = Array.from({ length: clients }, (_, client) => client)
  let nextName = clients
  let register: number | null = null
  let begun = 0
  let ended = 0
  let time = 0
  let overwritten: number | null | undefined
  while (ended < count) {
    const client = Math.floor(random() * clients)
    const current = open[client]
    if (current === undefined) {
      if (begun === count) continue
      begun++
      const isRead = random() < reads
      const value = values === 'unique' ? begun : Math.floor(random() * values)
      open[client] = { process: names[client]!, isRead, value, start: time++, output: null, done: false }
    } else if (!current.done) {
      current.done = true
      if (current.isRead) current.output = register
      else {
        if (ended < count * 0.3) overwritten = register
        register = current.value
      }
    } else {
      const { process, isRead, value, start } = current
      const crashed = random() < unknown
      if (crashed) names[client] = nextName++
      let { output } = current
      if (
        staleAt !== undefined &&
        isRead &&
        !crashed &&
        overwritten !== undefined &&
        ended >= count * staleAt
      ) {
        output = values === 'unique' ? overwritten : -1
        overwritten = undefined
      }
      operations.push({
        process,
        op: isRead ? 'read' : 'write',
        ...(isRead ? {} : { input: value }),
        ...(isRead && !crashed ? { output } : {}),
        status: crashed ? 'unknown' : 'ok',
        start,
        end: crashed ? Infinity : time,
      })
      time++
      ended++
      open[client] = undefined
    }
  }
  operations.sort((a, b) => a.start - b.start)
  return {
    operations: operations.map((operation, index) => ({ ...operation, index })),
    faults: [],
    realTime: true,
  }
}

/** mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let hash = Math.imul(state ^ (state >>> 15), state | 1)
    hash ^= hash + Math.imul(hash ^ (hash >>> 7), hash | 61)
    return ((hash ^ (hash >>> 14)) >>> 0) / 4294967296
  }
}
