import type { History } from '../../history.ts'
import type { MicroOperation, Operation } from '../../operation.ts'

/**
 * Levels of isolation by their definitions, tried out: serial orders, placements of snapshots and commits, and all
 * orders of versions. Slow and obvious; shares nothing with the check.
 *
 * What nobody may do at any level: read what nobody wrote, what one writes oneself only later, or one element twice.
 */
export type Model = 'list-append' | 'rw-register'
/** No order of its own, order of processes, real time. */
export type Order = 0 | 1 | 2
type Value = readonly unknown[] | number | null

/** Names of levels (without their prefix for an order) that some execution of this history has. */
export function levelsAllowed(history: History, model: Model, order: Order): ReadonlySet<string> {
  const allowed = new Set<string>()
  for (const committed of committedSets(history)) {
    const world = new World(history, model, order, committed)
    if (!world.readsAreSane()) continue
    if (!allowed.has('serializable') && world.hasSerialOrder(new Set(), new Map()))
      allowed.add('serializable')
    if (!allowed.has('snapshot-isolation') && world.hasSnapshots(true)) allowed.add('snapshot-isolation')
    if (!allowed.has('prefix') && world.hasSnapshots(false)) allowed.add('prefix')
    for (const versions of world.versionOrders()) {
      if ([...BY_VERSIONS].every((level) => allowed.has(level))) break
      for (const level of world.levelsWith(versions)) allowed.add(level)
    }
  }
  return allowed
}

/** Levels that {@link World.levelsWith} decides. */
const BY_VERSIONS: ReadonlySet<string> = new Set([
  'read-uncommitted', 'read-committed', 'monotonic-view', 'cursor-stability', 'read-atomic', 'update-atomic',
  'consistent-view', 'repeatable-read', 'causal',
]) // prettier-ignore

/** Every choice of which crashed transactions happened. */
function* committedSets(history: History): Iterable<Operation[]> {
  const ok = history.operations.filter(({ status }) => status === 'ok')
  const crashed = history.operations.filter(({ status }) => status === 'unknown')
  for (let bits = 0; bits < 2 ** crashed.length; bits++)
    yield [...ok, ...crashed.filter((_, bit) => (bits >> bit) & 1)].toSorted((a, b) => a.index - b.index)
}

type VersionOrder = ReadonlyMap<string, readonly number[]>

interface Read {
  readonly txn: number
  readonly at: number
  readonly key: string
  /** What it saw that is not its own: the last element is the version read. */
  readonly seen: readonly number[]
}

type Kind = 'ww' | 'wr' | 'rw' | 'order'

interface Dependency {
  readonly from: number
  readonly to: number
  readonly kind: Kind
  /** Step of `to` (`wr`, `ww`) or of `from` (`rw`); -1 for an order. */
  readonly at: number
}

class World {
  readonly #model: Model
  readonly #txns: readonly Operation[]
  readonly #steps: readonly (readonly MicroOperation[])[]
  readonly #aborted: ReadonlySet<unknown>
  /** Who comes before whom whatever they did. */
  readonly #before: (first: number, second: number) => boolean
  readonly #processBefore: (first: number, second: number) => boolean
  readonly #initial: unknown

  constructor(history: History, model: Model, order: Order, committed: readonly Operation[]) {
    this.#model = model
    this.#txns = committed
    this.#initial = history.initial ?? null
    this.#steps = committed.map(({ status, input, output }) => {
      const steps = (status === 'ok' ? output : input) as readonly MicroOperation[]
      return status === 'ok' ? steps : steps.filter(([name]) => name !== 'r')
    })
    this.#aborted = new Set(
      history.operations
        .filter(({ status }) => status === 'fail')
        .flatMap(({ input }) =>
          (input as MicroOperation[]).filter(([name]) => name !== 'r').map(([, , value]) => value),
        ),
    )
    const txn = (at: number): Operation => committed[at] as Operation
    this.#processBefore = (a, b) =>
      txn(a).status === 'ok' && txn(a).process === txn(b).process && txn(a).index < txn(b).index
    const earlier = (a: number, b: number): boolean => txn(a).status === 'ok' && txn(a).end < txn(b).start
    this.#before = (a, b) =>
      order === 0
        ? false
        : order === 1
          ? this.#processBefore(a, b)
          : this.#processBefore(a, b) || earlier(a, b)
  }

  get #all(): number[] {
    return this.#txns.map((_, at) => at)
  }

  #writes(txn: number): MicroOperation[] {
    return (this.#steps[txn] as MicroOperation[]).filter(([name]) => name !== 'r')
  }

  #writerOf(value: unknown): number {
    return this.#all.find((txn) => this.#writes(txn).some((write) => write[2] === value)) ?? -1
  }

  readsAreSane(): boolean {
    return this.#all.every((txn) =>
      (this.#steps[txn] as MicroOperation[]).every(([name, , seen], at) => {
        if (name !== 'r') return true
        const values =
          this.#model === 'list-append' ? ((seen ?? []) as unknown[]) : seen === this.#initial ? [] : [seen]
        const later = (this.#steps[txn] as MicroOperation[])
          .slice(at)
          .map((step) => (step[0] === 'r' ? undefined : step[2]))
        return (
          new Set(values).size === values.length &&
          values.every(
            (value) => !later.includes(value) && (this.#writerOf(value) !== -1 || this.#aborted.has(value)),
          )
        )
      }),
    )
  }

  /** Runs a transaction on a state; the state after it, or nothing if it saw something else. */
  #run(txn: number, state: ReadonlyMap<string, Value>): Map<string, Value> | undefined {
    const after = new Map(state)
    for (const [name, key, value] of this.#steps[txn] as readonly [string, string, unknown][]) {
      if (name === 'append') after.set(key, [...((after.get(key) ?? []) as unknown[]), value])
      else if (name === 'w') after.set(key, value as number)
      else if (this.#model === 'list-append') {
        if (JSON.stringify(after.get(key) ?? []) !== JSON.stringify(value ?? [])) return undefined
      } else if ((after.get(key) ?? this.#initial) !== value) return undefined
    }
    return after
  }

  hasSerialOrder(done: ReadonlySet<number>, state: ReadonlyMap<string, Value>): boolean {
    if (done.size === this.#txns.length) return true
    return this.#all.some((txn) => {
      if (done.has(txn) || this.#all.some((other) => !done.has(other) && this.#before(other, txn)))
        return false
      const after = this.#run(txn, state)
      return after !== undefined && this.hasSerialOrder(new Set([...done, txn]), after)
    })
  }

  /** Is there an order of snapshots and commits? With `conflicts`, of two that overlap and write the same key one may commit. */
  hasSnapshots(conflicts: boolean): boolean {
    const keysOf = (txn: number): Set<string> => new Set(this.#writes(txn).map(([, key]) => key as string))
    const search = (
      started: ReadonlyMap<number, ReadonlyMap<string, number>>,
      done: ReadonlySet<number>,
      state: ReadonlyMap<string, Value>,
      version: ReadonlyMap<string, number>,
    ): boolean => {
      if (done.size === this.#txns.length) return true
      return this.#all.some((txn) => {
        if (done.has(txn)) return false
        const snapshot = started.get(txn)
        if (snapshot === undefined) {
          if (this.#all.some((other) => !done.has(other) && this.#before(other, txn))) return false
          if (this.#run(txn, state) === undefined) return false
          return search(new Map([...started, [txn, version]]), done, state, version)
        }
        const keys = [...keysOf(txn)]
        if (conflicts && keys.some((key) => version.get(key) !== snapshot.get(key))) return false
        const after = new Map(state)
        const versions = new Map(version)
        for (const [, key, value] of this.#writes(txn) as [string, string, number][]) {
          after.set(
            key,
            this.#model === 'list-append' ? [...((after.get(key) ?? []) as unknown[]), value] : value,
          )
          versions.set(key, (versions.get(key) ?? 0) + 1)
        }
        return search(started, new Set([...done, txn]), after, versions)
      })
    }
    return search(new Map(), new Set(), new Map(), new Map())
  }

  /** Reads of what others wrote or of the initial state; what the reader itself wrote is taken off their end. */
  #reads(): Read[] {
    return this.#all.flatMap((txn) => {
      const steps = this.#steps[txn] as readonly (readonly [string, string, unknown])[]
      return steps.flatMap(([name, key, seen], at): Read[] => {
        if (name !== 'r') return []
        const own = steps
          .slice(0, at)
          .flatMap((step) => (step[0] !== 'r' && step[1] === key ? [step[2]] : []))
        if (this.#model === 'rw-register') {
          if (own.length > 0 && own.at(-1) === seen) return []
          if (own.includes(seen)) return []
          return [{ txn, at, key, seen: seen === this.#initial ? [] : [seen as number] }]
        }
        const list = [...((seen ?? []) as number[])]
        while (list.length > 0 && own.includes(list.at(-1))) list.pop()
        return [{ txn, at, key, seen: list }]
      })
    })
  }

  *versionOrders(): Iterable<VersionOrder> {
    const keys = [...new Set(this.#all.flatMap((txn) => this.#writes(txn).map(([, key]) => key as string)))]
    const reads = this.#reads()
    const fits = (key: string, order: readonly number[]): boolean =>
      this.#model === 'rw-register' ||
      reads.every((read) => {
        if (read.key !== key) return true
        const kept = read.seen.filter((value) => !this.#aborted.has(value))
        return kept.every((value, at) => order[at] === value)
      })
    const choices = keys.map((key) => [...this.#interleavings(key)].filter((order) => fits(key, order)))
    function* product(at: number): Iterable<Map<string, readonly number[]>> {
      if (at === keys.length) yield new Map()
      else
        for (const rest of product(at + 1))
          for (const order of choices[at] as number[][]) yield new Map([...rest, [keys[at] as string, order]])
    }
    yield* product(0)
  }

  /** Orders of what was written to a key in which each transaction's writes are in order (of a register: side by side). */
  *#interleavings(key: string): Iterable<number[]> {
    const runs = this.#all
      .map((txn) =>
        this.#writes(txn)
          .filter((write) => write[1] === key)
          .map(([, , value]) => value as number),
      )
      .filter((run) => run.length > 0)
    const together = this.#model === 'rw-register'
    function* merge(left: readonly (readonly number[])[]): Iterable<number[]> {
      if (left.length === 0) yield []
      for (const [at, run] of left.entries()) {
        const taken = together ? run.length : 1
        const rest = run.slice(taken)
        for (const tail of merge(
          left.flatMap((other, place) => (place !== at ? [other] : rest.length > 0 ? [rest] : [])),
        ))
          yield [...run.slice(0, taken), ...tail]
      }
    }
    yield* merge(runs)
  }

  #dependencies(versions: VersionOrder): Dependency[] {
    const edges: Dependency[] = []
    const add = (from: number, to: number, kind: Kind, at: number): void => {
      if (from !== to && from !== -1 && to !== -1) edges.push({ from, to, kind, at })
    }
    const stepOf = (txn: number, value: unknown): number =>
      (this.#steps[txn] as MicroOperation[]).findIndex((step) => step[0] !== 'r' && step[2] === value)
    for (const order of versions.values())
      order.forEach((value, at) => {
        const writer = this.#writerOf(value)
        if (at > 0) add(this.#writerOf(order[at - 1]), writer, 'ww', stepOf(writer, value))
      })
    for (const { txn, at, key, seen } of this.#reads()) {
      const kept = seen.filter((value) => !this.#aborted.has(value))
      if (kept.length > 0) add(this.#writerOf(kept.at(-1)), txn, 'wr', at)
      const next = (versions.get(key) ?? [])[this.#placeAfter(versions, key, kept)]
      if (next !== undefined && kept.length === seen.length) add(txn, this.#writerOf(next), 'rw', at)
    }
    for (const a of this.#all) for (const b of this.#all) if (this.#before(a, b)) add(a, b, 'order', -1)
    return edges
  }

  #placeAfter(versions: VersionOrder, key: string, seen: readonly number[]): number {
    return seen.length === 0 ? 0 : (versions.get(key) ?? []).indexOf(seen.at(-1) as number) + 1
  }

  levelsWith(versions: VersionOrder): string[] {
    const edges = this.#dependencies(versions)
    const follows =
      (...kinds: Kind[]) =>
      (a: number, b: number): boolean =>
        edges.some(({ from, to, kind }) => from === a && to === b && kinds.includes(kind))
    const g0 = hasAnyCycle(this.#all, follows('ww', 'order'))
    const g1 = g0 || hasAnyCycle(this.#all, follows('ww', 'wr', 'order')) || this.#dirtyReads()
    const reach = closure(this.#all, follows('ww', 'wr', 'order'))
    const single = edges.some(({ from, to, kind }) => kind === 'rw' && reach(to, from))
    const any = hasAnyCycle(this.#all, follows('ww', 'wr', 'rw', 'order'))
    const lost = this.#losesUpdates(versions)
    const internal = this.#internal()
    const fractured = this.#missesWrites(versions, (a, b) =>
      edges.some(({ from, to, kind }) => from === a && to === b && kind !== 'rw' && kind !== 'ww'),
    )
    const causally = closure(
      this.#all,
      (a, b) =>
        this.#processBefore(a, b) ||
        edges.some(({ from, to, kind }) => from === a && to === b && kind === 'wr'),
    )
    const monotonic = !g1 && !this.#nonMonotonic(edges)
    const atomic = !g1 && !internal && !fractured
    const sessionCycle = hasAnyCycle(
      this.#all,
      (a, b) =>
        this.#processBefore(a, b) ||
        edges.some(({ from, to, kind }) => from === a && to === b && (kind === 'ww' || kind === 'wr')),
    )
    const levels: [string, boolean][] = [
      ['read-uncommitted', !g0],
      ['read-committed', !g1],
      ['monotonic-view', monotonic],
      ['cursor-stability', !g1 && !lost],
      ['read-atomic', atomic],
      ['update-atomic', atomic && !lost],
      ['consistent-view', !g1 && !internal && !single],
      ['repeatable-read', !g1 && !internal && !any],
      ['causal', !g1 && !internal && !sessionCycle && !this.#missesWrites(versions, causally)],
    ]
    return levels.flatMap(([name, holds]) => (holds ? [name] : []))
  }

  /** G1a and G1b. */
  #dirtyReads(): boolean {
    return this.#reads().some(({ txn, seen, key }) => {
      if (seen.some((value) => this.#aborted.has(value))) return true
      const writer = seen.length === 0 ? -1 : this.#writerOf(seen.at(-1))
      if (writer === -1 || writer === txn) return false
      return (
        this.#writes(writer)
          .filter((write) => write[1] === key)
          .at(-1)?.[2] !== seen.at(-1)
      )
    })
  }

  /** Berenson's P4: read, somebody else's write, write. */
  #losesUpdates(versions: VersionOrder): boolean {
    return this.#reads().some(({ txn, at, key, seen }) => {
      if (seen.some((value) => this.#aborted.has(value))) return false
      const order = versions.get(key) ?? []
      const write = (this.#steps[txn] as MicroOperation[])
        .slice(at)
        .find((step) => step[0] !== 'r' && step[1] === key)
      if (write === undefined) return false
      return order
        .slice(this.#placeAfter(versions, key, seen), order.indexOf(write[2] as number))
        .some((value) => this.#writerOf(value) !== txn)
    })
  }

  #internal(): boolean {
    return this.#steps.some((steps) => {
      const known = new Map<string, unknown>()
      const own = new Map<string, unknown[]>()
      return (steps as [string, string, unknown][]).some(([name, key, value]) => {
        if (this.#model === 'rw-register') {
          const wrong = name === 'r' && known.has(key) && known.get(key) !== value
          known.set(key, value)
          return wrong
        }
        const mine = own.get(key) ?? []
        if (name !== 'r') {
          own.set(key, [...mine, value])
          return false
        }
        const list = (value ?? []) as unknown[]
        const expected = known.has(key)
          ? [...(known.get(key) as unknown[]), ...mine]
          : [...list.slice(0, Math.max(0, list.length - mine.length)), ...mine]
        known.set(key, list)
        own.set(key, [])
        return JSON.stringify(expected) !== JSON.stringify(list)
      })
    })
  }

  /** Does anybody miss a write of somebody who is visible to it? */
  #missesWrites(versions: VersionOrder, visible: (writer: number, reader: number) => boolean): boolean {
    return this.#reads().some(({ txn, key, seen }) => {
      if (seen.some((value) => this.#aborted.has(value))) return false
      const place = this.#placeAfter(versions, key, seen)
      return (versions.get(key) ?? []).slice(place).some((value) => {
        const writer = this.#writerOf(value)
        return writer !== txn && visible(writer, txn)
      })
    })
  }

  #nonMonotonic(edges: readonly Dependency[]): boolean {
    return edges.some(({ from: txn, to: missed, kind, at }) => {
      if (kind !== 'rw') return false
      const others = this.#all.filter((other) => other !== txn)
      const reach = closure(others, (a, b) =>
        edges.some((edge) => edge.from === a && edge.to === b && edge.kind !== 'rw'),
      )
      return edges.some(
        (edge) =>
          edge.to === txn &&
          edge.kind !== 'rw' &&
          edge.at < at &&
          (edge.from === missed || reach(missed, edge.from)),
      )
    })
  }
}

/** Is there a way from a to b, of one step or more? */
function closure(
  nodes: readonly number[],
  edge: (a: number, b: number) => boolean,
): (a: number, b: number) => boolean {
  const known = new Set<string>()
  for (const a of nodes) for (const b of nodes) if (edge(a, b)) known.add(`${a} ${b}`)
  for (const middle of nodes)
    for (const a of nodes)
      for (const b of nodes)
        if (known.has(`${a} ${middle}`) && known.has(`${middle} ${b}`)) known.add(`${a} ${b}`)
  return (a, b) => known.has(`${a} ${b}`)
}

function hasAnyCycle(nodes: readonly number[], edge: (a: number, b: number) => boolean): boolean {
  const reach = closure(nodes, edge)
  return nodes.some((node) => reach(node, node))
}
