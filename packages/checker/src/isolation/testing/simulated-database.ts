import type { History } from '../../history.ts'
import type { MicroOperation, Operation, Status } from '../../operation.ts'

/** Random numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export type DatabaseLevel = 'serial' | 'snapshot' | 'prefix' | 'committed' | 'uncommitted' | 'stale'

/** What transactions do: anything; read one key and write the next one; read several keys or write one. */
export type Shape = 'any' | 'skew' | 'fork'

export interface SimulationOptions {
  readonly model: 'list-append' | 'rw-register'
  readonly level: DatabaseLevel
  readonly transactions: number
  readonly maxSteps: number
  readonly processes: number
  readonly keys: readonly string[]
  /** Share of transactions that crash, and that abort. */
  readonly crash?: number
  readonly abort?: number
  readonly realTime?: boolean
  readonly shape?: Shape
}

type Value = readonly number[] | number | null

interface Running {
  readonly index: number
  readonly process: number
  readonly start: number
  readonly plan: readonly MicroOperation[]
  readonly done: MicroOperation[]
  readonly snapshot: Map<string, Value> | undefined
  readonly own: Map<string, number[]>
  readonly versions: Map<string, number>
}

/**
 * A database of one map that runs transactions of several processes step by step, in a random interleaving, at a
 * level: `serial` one at a time; `snapshot` snapshot isolation, the first committer wins; `prefix` the same without
 * conflicts; `committed` each read sees the latest commit; `uncommitted` writes are seen at once, and rolled back
 * by removal if their transaction aborts; `stale` each read sees the state after some earlier commit.
 */
export function simulate(random: () => number, options: SimulationOptions): History {
  const { model, level, keys, maxSteps, crash = 0, abort = 0, shape = 'any' } = options
  const int = (below: number): number => Math.floor(random() * below)
  const committed = new Map<string, Value>()
  const version = new Map<string, number>()
  const operations: Operation[] = []
  const running: Running[] = []
  const late: (() => void)[] = []
  const states: Map<string, Value>[] = [new Map()]
  let place = 0
  let begun = 0
  let element = 0
  let nextProcess = options.processes
  const free = Array.from({ length: options.processes }, (_, process) => process)

  const planOf = (steps: number): MicroOperation[] => {
    const shift = int(keys.length)
    const key = (at: number): string => keys[(shift + at) % keys.length] as string
    const write = (of: string): MicroOperation => [model === 'list-append' ? 'append' : 'w', of, ++element]
    if (shape === 'skew') return [['r', key(0), null], write(key(1))]
    if (shape === 'fork')
      return random() < 0.5
        ? [write(key(0))]
        : [
            ['r', key(0), null],
            ['r', key(1), null],
          ]
    return Array.from({ length: steps }, () => {
      const of = keys[int(keys.length)] as string
      return random() < 0.5 ? ['r', of, null] : write(of)
    })
  }
  const begin = (): void => {
    const plan = planOf(1 + int(maxSteps))
    const process = free.splice(int(free.length), 1)[0] as number
    running.push({
      index: begun++,
      process,
      start: place++,
      plan,
      done: [],
      snapshot: level === 'snapshot' || level === 'prefix' ? new Map(committed) : undefined,
      own: new Map(),
      versions: new Map(version),
    })
  }
  const apply = (key: string, written: readonly number[]): void => {
    const before = committed.get(key)
    committed.set(
      key,
      model === 'list-append'
        ? [...((before ?? []) as readonly number[]), ...written]
        : (written.at(-1) as number),
    )
    version.set(key, (version.get(key) ?? 0) + 1)
    states.push(new Map(committed))
  }
  const step = (txn: Running): void => {
    const [name, key, value] = txn.plan[txn.done.length] as readonly [string, string, number]
    if (name === 'r') {
      const from =
        level === 'stale' ? (states[int(states.length)] as Map<string, Value>) : (txn.snapshot ?? committed)
      const base = from.get(key) ?? null
      const own = level === 'uncommitted' ? [] : (txn.own.get(key) ?? [])
      const seen =
        model === 'list-append' ? [...((base ?? []) as readonly number[]), ...own] : (own.at(-1) ?? base)
      txn.done.push(['r', key, seen])
      return
    }
    txn.own.set(key, [...(txn.own.get(key) ?? []), value])
    if (level === 'uncommitted') apply(key, [value])
    txn.done.push([name, key, value])
  }
  const finish = (txn: Running): void => {
    running.splice(running.indexOf(txn), 1)
    const conflict =
      level === 'snapshot' && [...txn.own.keys()].some((key) => version.get(key) !== txn.versions.get(key))
    const dice = random()
    const status: Status = dice < crash ? 'unknown' : conflict || dice < crash + abort ? 'fail' : 'ok'
    const commit = (): void => {
      if (level !== 'uncommitted') for (const [key, written] of txn.own) apply(key, written)
    }
    if (status === 'ok') commit()
    else if (status === 'unknown' && !conflict && random() < 0.6) {
      if (random() < 0.5 || level === 'snapshot') commit()
      else late.push(commit)
    } else if (level === 'uncommitted' && model === 'list-append' && status === 'fail' && random() < 0.5) {
      for (const [key, written] of txn.own)
        committed.set(
          key,
          (committed.get(key) as readonly number[]).filter((one) => !written.includes(one)),
        )
    }
    operations[txn.index] = {
      index: txn.index,
      process: txn.process,
      op: 'txn',
      input: txn.plan,
      output: status === 'ok' ? txn.done : undefined,
      status,
      start: txn.start,
      end: status === 'unknown' ? Infinity : place++,
    }
    free.push(status === 'unknown' && random() < 0.5 ? nextProcess++ : txn.process)
  }

  while (begun < options.transactions || running.length > 0) {
    if (late.length > 0 && random() < 0.2 && (level !== 'serial' || running.length === 0)) late.shift()?.()
    const mayBegin =
      begun < options.transactions && free.length > 0 && (level !== 'serial' || running.length === 0)
    if (mayBegin && (running.length === 0 || random() < 0.4)) begin()
    else {
      const txn = running[int(running.length)] as Running
      if (txn.done.length < txn.plan.length) step(txn)
      else finish(txn)
    }
  }
  return {
    operations,
    faults: [],
    realTime: options.realTime ?? true,
    initial: model === 'rw-register' ? null : undefined,
  }
}

/** The same history with the answer of one read changed, if there is a read. */
export function mutate(random: () => number, history: History, model: SimulationOptions['model']): History {
  const int = (below: number): number => Math.floor(random() * below)
  const places = history.operations.flatMap((operation) =>
    operation.status === 'ok'
      ? (operation.output as MicroOperation[]).flatMap(([name], at) =>
          name === 'r' ? [[operation.index, at] as const] : [],
        )
      : [],
  )
  if (places.length === 0) return history
  const [index, at] = places[int(places.length)] as readonly [number, number]
  const written = history.operations.flatMap(({ input }) =>
    (input as MicroOperation[]).filter(([name]) => name !== 'r'),
  )
  const operations = history.operations.map((operation): Operation => {
    if (operation.index !== index) return operation
    const output = (operation.output as MicroOperation[]).map((step, place): MicroOperation => {
      if (place !== at) return step
      const [name, key, seen] = step
      const values = written.filter(([, of]) => of === key).map(([, , value]) => value)
      const other = values.length === 0 ? 999 : values[int(values.length)]
      if (model === 'rw-register')
        return [
          name,
          key,
          random() < 0.3 ? null : random() < 0.97 ? (values.length === 0 ? null : other) : 999,
        ]
      const list = seen as number[]
      const dice = random()
      if (dice < 0.5) return [name, key, list.slice(0, int(list.length + 1))]
      if (dice < 0.85)
        return [
          name,
          key,
          values.length === 0 || list.includes(other as number) ? list.slice(0, -1) : [...list, other],
        ]
      if (dice < 0.95) return [name, key, list.toReversed()]
      return [name, key, [...list, random() < 0.5 ? 999 : other]]
    })
    return { ...operation, output }
  })
  return { ...history, operations }
}
