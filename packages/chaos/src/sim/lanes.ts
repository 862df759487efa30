import { isQuorateError } from '@quorate/core'
import type { Engine } from './engine.ts'
import type { Env, NodeId } from './env.ts'
import type { HistoryEntry } from './history.ts'
import { isThenable, type SimNode } from './node.ts'
import type { Operation } from './scenario.ts'
import { requireRange } from './validate.ts'

export const INVOKE = 5

/** An operation with its place in the workload. */
export interface LaneOperation<Call> extends Operation<Call> {
  readonly planned: number
}

type Open<Call, Output> = { -readonly [K in keyof HistoryEntry<Call, Output>]: HistoryEntry<Call, Output>[K] }

interface Lane<Call, Output> {
  readonly operations: Array<LaneOperation<Call>>
  next: number
  current: Open<Call, Output> | undefined
  process: number
}

export interface LanesOptions<Api, Call, Output> {
  readonly engine: Engine
  readonly perform: (api: Api, call: Call, env: Env) => Output | Promise<Output>
  readonly onDone: () => void
  readonly trace: ((line: () => string) => void) | undefined
}

/** What each client has to do, one thing after the other, and the history that comes of it. */
export class Lanes<Api, Call, Output> {
  readonly history: Array<Open<Call, Output>> = []
  readonly #options: LanesOptions<Api, Call, Output>
  readonly #lanes = new Map<NodeId, Lane<Call, Output>>()
  #left: number
  #processes: number

  constructor(
    clients: readonly NodeId[],
    operations: ReadonlyArray<LaneOperation<Call>>,
    options: LanesOptions<Api, Call, Output>,
  ) {
    this.#options = options
    this.#left = operations.length
    this.#processes = clients.length
    for (const [process, id] of clients.entries())
      this.#lanes.set(id, { operations: [], next: 0, current: undefined, process })
    for (const operation of operations) {
      requireRange('simulate', 'afterMs of an operation', operation.afterMs ?? 0)
      const lane = this.#lanes.get(operation.on)
      if (lane === undefined)
        throw new RangeError(`Cannot simulate: an operation is on "${operation.on}", which is no client`)
      lane.operations.push(operation)
    }
  }

  get isDone(): boolean {
    return this.#left === 0
  }

  /** The longest that a client waits between its operations, all together, ms. */
  get longestWaitMs(): number {
    let longest = 0
    for (const { operations } of this.#lanes.values())
      longest = Math.max(
        longest,
        operations.reduce((sum, { afterMs = 0 }) => sum + afterMs, 0),
      )
    return longest
  }

  /** Operations that have begun and not ended. */
  get pending(): ReadonlyArray<HistoryEntry<Call, Output>> {
    return [...this.#lanes.values()].flatMap(({ current }) => (current === undefined ? [] : [current]))
  }

  /** Clients that still have something to begin. */
  get waiting(): NodeId[] {
    return [...this.#lanes].flatMap(([id, { current, next, operations }]) =>
      current === undefined && next < operations.length ? [id] : [],
    )
  }

  onReady(node: SimNode): void {
    const lane = this.#lanes.get(node.id)
    if (lane !== undefined) this.#planNext(node, lane)
  }

  onCrash(node: SimNode): void {
    const lane = this.#lanes.get(node.id)
    if (lane?.current === undefined) return
    lane.process = this.#processes++
    lane.current.endMs = this.#options.engine.nowUs / 1_000
    lane.current = undefined
    this.#count()
  }

  #planNext(node: SimNode, lane: Lane<Call, Output>): void {
    const operation = lane.operations[lane.next]
    if (operation === undefined) return
    const { engine } = this.#options
    const atUs = engine.nowUs + Math.round((operation.afterMs ?? 0) * 1_000)
    engine.plan(atUs, INVOKE, node, () => {
      this.#invoke(node, lane, operation)
      return true
    })
  }

  #invoke(node: SimNode, lane: Lane<Call, Output>, operation: LaneOperation<Call>): void {
    const { engine, perform, trace } = this.#options
    lane.next++
    const entry: Open<Call, Output> = {
      index: this.history.length,
      planned: operation.planned,
      on: node.id,
      process: lane.process,
      call: operation.call,
      status: 'unknown',
      start: engine.nextPlace(),
      end: Infinity,
      startMs: engine.nowUs / 1_000,
      endMs: Infinity,
    }
    this.history.push(entry)
    lane.current = entry
    trace?.(() => `${node.id} begins ${describe(entry.call)}`)
    const { life } = node
    const end = (status: 'ok' | 'fail' | 'unknown', output: Output | undefined, error?: unknown): void => {
      if (node.life !== life) return
      entry.status = status
      entry.output = output
      if (status !== 'ok') entry.error = error
      const place = engine.nextPlace()
      if (status !== 'unknown') entry.end = place
      else lane.process = this.#processes++
      entry.endMs = engine.nowUs / 1_000
      lane.current = undefined
      trace?.(
        () =>
          `${node.id} ends ${describe(entry.call)}: ${status === 'ok' ? describe(output) : `${status}, ${String(error)}`}`,
      )
      this.#planNext(node, lane)
      this.#count()
    }
    const refuse = (error: unknown): void => {
      if (isBug(error) && node.life === life) {
        const message = `${node.id}: ${describe(entry.call)} threw ${String(error)}`
        engine.fail({ kind: 'error', message, cause: error })
      }
      end(isQuorateError(error) && error.outcome === 'not-applied' ? 'fail' : 'unknown', undefined, error)
    }
    try {
      const returned = perform(node.api as Api, operation.call, node.env as Env)
      if (isThenable(returned)) returned.then((output) => end('ok', output), refuse)
      else end('ok', returned)
    } catch (error) {
      refuse(error)
    }
  }

  #count(): void {
    if (--this.#left === 0) this.#options.onDone()
  }
}

/** What a program throws by mistake, never to say how an operation ended. */
export const isBug = (error: unknown): boolean =>
  error instanceof TypeError ||
  error instanceof RangeError ||
  error instanceof ReferenceError ||
  error instanceof SyntaxError

/** A value in a line of text. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    const text: string | undefined = JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'bigint' ? `${part}n` : part,
    )
    return text ?? String(value)
  } catch {
    return String(value)
  }
}
