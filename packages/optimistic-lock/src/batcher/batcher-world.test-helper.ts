import { getEventListeners } from 'node:events'
import { type Clock, isQuorateError, type Random, seededRandom } from '@quorate/core'
import { BatchQueue } from './batch-queue.ts'
import { fold } from './plan.ts'
import type { BatchAnswer, BatchItem, BatchSession, BatchStore, ItemAnswer } from './store.ts'

const HEALED_MS = 2_000
/** The longest wait between two attempts is a second. */
const CALM_MS = 5_000
const END_MS = 60_000

/** Spellings, of which A and a, and B and b, are one row each. */
const SPELLINGS = ['A', 'a', 'B', 'b', 'c', 'd', 'gone', 'inexact', 'refused'] as const

/** One caller, and all that happened to it. */
interface Call {
  /** The amount names the caller, so that it is known in the store's books. */
  readonly amount: number
  readonly spelling: string
  readonly dueMs: number
  readonly leaving: AbortController
  readonly reason: Error
  answers: number
  answeredMs: number
  result: { readonly left: number | undefined } | { readonly error: unknown } | undefined
}

/** A line of the store's book: what it committed. */
interface Entry {
  readonly amount: number
  readonly spelling: string
  readonly left: number | undefined
}

/**
 * A batcher over a store that does whatever a store may do, with callers who come, leave and react to answers at any moment,
 * also between two steps of the batcher itself. All of it follows from the seed.
 */
export class BatcherWorld {
  /** What was broken; empty if all held. */
  readonly problems: string[] = []
  /** How often each kind of end was met, so that a test can tell that it met them. */
  readonly met: Map<string, number> = new Map()
  readonly #random: Random
  readonly #events: { readonly atMs: number; readonly run: () => void }[] = []
  #nowMs = 0.25
  readonly #calls = new Map<number, Call>()
  readonly #book: Entry[] = []
  readonly #units = new Map<string, number>()
  /** Amounts that are part of a statement whose answer has not been given. */
  readonly #carried = new Set<number>()
  readonly #everSent = new Set<number>()
  readonly #min: number
  readonly #faults: number
  readonly #queue: BatchQueue
  readonly #maxWaiting: number
  readonly #deadlineMs: number
  readonly #hung = new Set<() => void>()
  #sessions = 0
  #stopped: 'no' | 'asked' | 'done' = 'no'
  #sleepers = 0
  #nextAmount = 0

  constructor(seed: number) {
    this.#random = seededRandom(`batcher ${seed}`)
    this.#min = this.#pick([0, 0, 5, -20])
    this.#faults = this.#pick([0, 0.2, 0.5, 0.9])
    for (const row of 'abcd') this.#units.set(row, Math.floor(this.#random() * 400))
    this.#maxWaiting = this.#pick([3, 20, 1_000])
    this.#deadlineMs = this.#pick([30, 200, 8_000])
    this.#queue = new BatchQueue(this.#store(), 'stock', {
      min: this.#min,
      clock: this.#clock(),
      random: this.#random,
      maxBatch: this.#pick([1, 2, 3, 5, 100]),
      concurrency: this.#pick([1, 2, 3]),
      maxWaiting: this.#maxWaiting,
      deadlineMs: this.#deadlineMs,
    })
  }

  /** Runs until nothing is left to happen, and judges. */
  async run(): Promise<void> {
    const bursts = 3 + Math.floor(this.#random() * 8)
    for (let burst = 0; burst < bursts; burst++) {
      const atMs = this.#random() * 300
      const size = this.#pick([1, 2, 5, 12])
      this.#at(atMs, () => {
        for (let index = 0; index < size; index++) this.#request()
      })
    }
    this.#at(HEALED_MS, () => {
      for (const end of this.#hung) end()
    })
    if (this.#random() < 0.3) this.#at(this.#random() * 500, () => this.#stop())
    this.#at(HEALED_MS + CALM_MS, () => this.#judgeCalm())
    this.#at(END_MS, () => this.#stop())
    let drainedMs = 0
    while (this.#events.length > 0) {
      // All promises run dry before time goes on; at times what comes next comes in the midst of them.
      const isNext = this.#events.some(({ atMs }) => atMs <= drainedMs + 1)
      if (!isNext || this.#random() < 0.6) {
        await drained()
        drainedMs = this.#nowMs
        this.#judgeWaiting()
      }
      const next = this.#next()
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.run()
      for (let ticks = this.#random() * 12; ticks > 1; ticks--) await Promise.resolve()
      if (this.#events.length === 0) await drained()
    }
    await drained()
    this.#judgeEnd()
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T
  }

  #at(atMs: number, run: () => void): { readonly atMs: number; readonly run: () => void } {
    const event = { atMs, run }
    this.#events.push(event)
    return event
  }

  #next(): { readonly atMs: number; readonly run: () => void } {
    let first = 0
    this.#events.forEach(({ atMs }, index) => {
      if (atMs < (this.#events[first]?.atMs ?? Infinity)) first = index
    })
    const [next] = this.#events.splice(first, 1)
    return next ?? { atMs: 0, run: () => {} }
  }

  #clock(): Clock {
    return {
      now: () => this.#nowMs,
      monotonic: () => this.#nowMs,
      sleep: (ms, { signal } = {}) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted === true) return reject(signal.reason)
          const event = this.#at(this.#nowMs + Math.max(ms, 0), () => {
            signal?.removeEventListener('abort', onAbort)
            this.#sleepers--
            resolve()
          })
          const onAbort = (): void => {
            this.#sleepers--
            this.#events.splice(this.#events.indexOf(event), 1)
            reject(signal?.reason)
          }
          this.#sleepers++
          signal?.addEventListener('abort', onAbort, { once: true })
        }),
    }
  }

  #count(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1)
  }

  #request(): void {
    if (this.#calls.size >= 150) return
    const amount = ++this.#nextAmount
    const spelling = this.#pick(this.#random() < 0.6 ? ['A', 'a', 'c'] : SPELLINGS)
    const delta = this.#random() < 0.85 ? -amount : amount
    const own = this.#pick([undefined, undefined, 1, 15.5, 400, 20_000])
    const leaving = new AbortController()
    const call: Call = {
      amount,
      spelling,
      dueMs: this.#nowMs + (own ?? this.#deadlineMs),
      leaving,
      reason: new Error(`caller ${amount} left`),
      answers: 0,
      answeredMs: 0,
      result: undefined,
    }
    this.#calls.set(amount, call)
    const isFull = this.#queue.waiting >= this.#maxWaiting
    const isStopped = this.#stopped !== 'no'
    const options = { deadlineMs: own, signal: this.#random() < 0.5 ? leaving.signal : undefined }
    this.#queue.request(spelling, { sku: spelling }, delta, options).then(
      (grant) => this.#answered(call, { left: grant?.left }),
      (error: unknown) => {
        const { code } = error as { code?: unknown }
        if ((code === 'QUORATE_BATCHER_FULL') !== (isFull && !isStopped)) this.#problem(call, 'full?')
        if ((code === 'QUORATE_BATCHER_STOPPED') !== isStopped) this.#problem(call, 'stopped?')
        this.#answered(call, { error })
      },
    )
    if (this.#random() < 0.3) this.#at(this.#nowMs + this.#random() * 60, () => this.#leave(call))
  }

  #leave({ leaving, reason }: Call): void {
    leaving.abort(reason)
  }

  #stop(): void {
    if (this.#stopped !== 'no') return
    this.#stopped = 'asked'
    void this.#queue.stop().then(() => {
      this.#stopped = 'done'
      const open = [...this.#calls.values()].filter(({ answers }) => answers === 0)
      // An answer is known to the batcher a few turns before its caller hears it.
      void drained().then(() => {
        for (const call of open) if (call.answers === 0) this.#problem(call, 'stop() did not answer it')
      })
    })
  }

  /** In the very turn of its answer a caller does what callers do. */
  #answered(call: Call, result: NonNullable<Call['result']>): void {
    call.answers++
    call.answeredMs = this.#nowMs
    call.result = result
    const chance = this.#random()
    if (chance < 0.25) {
      const others = [...this.#calls.values()].filter(({ answers }) => answers === 0)
      if (others.length > 0) this.#leave(this.#pick(others))
    } else if (chance < 0.4) this.#request()
    else if (chance < 0.41) this.#stop()
  }

  #isSick(): boolean {
    return this.#nowMs < HEALED_MS && this.#random() < this.#faults
  }

  #wait(): Promise<void> {
    const waitMs = this.#pick([0, 0, 1, 4, 30])
    if (waitMs === 0) return Promise.resolve()
    return new Promise((resolve) => this.#at(this.#nowMs + waitMs, resolve))
  }

  /** Until it is healed. */
  #hang(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#hung.delete(end)
        resolve()
      }
      this.#hung.add(end)
    })
  }

  #store(): BatchStore {
    const open = async (): Promise<BatchSession> => {
      const fault = this.#isSick() ? this.#pick(['refuses', 'refuses', 'hangs', 'slow'] as const) : undefined
      if (fault === 'hangs') await this.#hang()
      else await this.#wait()
      if (fault === 'refuses') throw new Error('no connection')
      return this.#session()
    }
    return {
      open: () => {
        if (this.#nowMs < HEALED_MS && this.#random() < this.#faults / 10) throw new Error('no pool')
        return open()
      },
    }
  }

  #session(): BatchSession {
    this.#sessions++
    let state: 'idle' | 'busy' | 'closed' = 'idle'
    return {
      apply: (items) => {
        if (state !== 'idle') this.problems.push(`a statement on a session that is ${state}`)
        state = 'busy'
        const amounts = items.flatMap(({ deltas }) => deltas.map(Math.abs))
        for (const amount of amounts) {
          if (this.#carried.has(amount)) this.problems.push(`${amount} is in two statements at once`)
          this.#carried.add(amount)
          this.#everSent.add(amount)
        }
        const over = (): void => {
          for (const amount of amounts) this.#carried.delete(amount)
          if (state === 'busy') state = 'idle'
        }
        if (this.#isSick() && this.#random() < 0.05) {
          over()
          throw new Error('cannot even send')
        }
        return this.#answer(items).finally(over)
      },
      close: (isBroken) => {
        if (state === 'busy' && !isBroken) this.problems.push('a session at work went back to the pool')
        if (state !== 'closed') this.#sessions--
        state = 'closed'
      },
    }
  }

  async #answer(items: readonly BatchItem[]): Promise<BatchAnswer> {
    await this.#wait()
    const poison = items.some(({ deltas }) => deltas.some((delta) => delta % 13 === 0))
    if (poison) return { type: 'not-applied', next: 'split', cause: new Error('a constraint') }
    if (!this.#isSick()) return { type: 'applied', items: this.#commit(items) }
    const fault = this.#pick([
      'retry',
      'yield',
      'split',
      'fail',
      'unknown',
      'lost',
      'hangs',
      'throws',
    ] as const)
    this.#count(fault)
    const cause = new Error(fault)
    switch (fault) {
      case 'unknown':
        return { type: 'unknown', cause }
      case 'lost':
        this.#commit(items)
        if (this.#random() < 0.5) await this.#wait()
        return { type: 'unknown', cause }
      case 'throws':
        throw cause
      case 'hangs':
        await this.#hang()
        return { type: 'unknown', cause }
      case 'retry':
      case 'yield':
      case 'split':
      case 'fail':
        return { type: 'not-applied', next: fault, cause }
      default:
        return fault satisfies never
    }
  }

  #commit(items: readonly BatchItem[]): ItemAnswer[] {
    const seen = new Set<string>()
    return items.map(({ key, deltas }) => {
      const spelling = String(key['sku'])
      const row = spelling.toLowerCase()
      if (spelling === 'gone' || spelling === 'refused') {
        for (const delta of deltas) this.#book.push({ amount: Math.abs(delta), spelling, left: undefined })
        return { type: spelling }
      }
      if (spelling === 'inexact') return { type: 'inexact', value: '1.5' }
      if (seen.has(row)) {
        this.#count('twin')
        return { type: 'twin' }
      }
      seen.add(row)
      const before = this.#units.get(row) ?? 0
      const { lefts, after, granted } = fold(before, deltas, this.#min)
      deltas.forEach((delta, index) => {
        this.#book.push({ amount: Math.abs(delta), spelling, left: lefts[index] })
      })
      this.#units.set(row, after)
      return granted === deltas.length && items.length === 1 && this.#random() < 0.5
        ? { type: 'all', after }
        : { type: 'applied', before }
    })
  }

  #problem(call: Call, what: string): void {
    const { amount, spelling, result } = call
    const { error } = { error: undefined, ...result }
    this.problems.push(
      `${what}: ${amount} of ${spelling} due at ${call.dueMs} ms, answered at ${call.answeredMs}: ${String(error)}`,
    )
  }

  #judgeWaiting(): void {
    const open = [...this.#calls.values()].filter(({ answers }) => answers === 0)
    const { waiting } = this.#queue
    if (waiting > open.length) this.problems.push(`${waiting} wait, of ${open.length} without an answer`)
    if (this.#sessions === 0 && waiting !== open.length) {
      this.problems.push(`${waiting} wait, but ${open.length} have no answer and nothing is under way`)
    }
    for (const call of open) {
      if (this.#nowMs > call.dueMs + 2) this.#problem(call, 'not answered at its deadline')
    }
  }

  /** Long after all faults have ended nobody may wait for a turn any longer. */
  #judgeCalm(): void {
    for (const call of this.#calls.values()) if (call.answers === 0) this.#problem(call, 'starves')
  }

  #judgeEnd(): void {
    if (this.#stopped !== 'done') this.problems.push('stop() does not end')
    if (this.#sessions !== 0) this.problems.push(`${this.#sessions} sessions are not closed`)
    if (this.#sleepers !== 0) this.problems.push(`${this.#sleepers} timers are left`)
    if (this.#queue.waiting !== 0) this.problems.push(`${this.#queue.waiting} wait at the end`)
    const entries = new Map<number, Entry>()
    for (const entry of this.#book) {
      if (entries.has(entry.amount)) this.problems.push(`${entry.amount} was applied twice`)
      entries.set(entry.amount, entry)
    }
    for (const call of this.#calls.values()) this.#judge(call, entries.get(call.amount))
    const granted = this.#book.filter(({ amount }) => {
      const { result } = this.#calls.get(amount) ?? {}
      return result !== undefined && 'left' in result
    })
    const last = new Map<string, number>()
    for (const { spelling, amount } of granted) {
      if (amount < (last.get(spelling) ?? 0)) this.problems.push(`${amount} of ${spelling} was overtaken`)
      last.set(spelling, amount)
    }
  }

  #judge(call: Call, entry: Entry | undefined): void {
    const { amount, result, answers, answeredMs, dueMs, leaving, reason } = call
    if (answers !== 1 || result === undefined) return this.#problem(call, `${answers} answers`)
    if (answeredMs > dueMs + 2) this.#problem(call, 'answered late')
    if (getEventListeners(leaving.signal, 'abort').length > 0) this.#problem(call, 'a listener is left')
    if ('left' in result) {
      this.#count(result.left === undefined ? 'refused' : 'granted')
      if (entry === undefined || entry.left !== result.left) {
        this.#problem(call, `was told ${result.left}, the store has ${entry?.left}`)
      }
      return
    }
    const { error } = result
    if (isQuorateError(error) && error.outcome === 'unknown') {
      this.#count('told unknown')
      if (!this.#everSent.has(amount)) this.#problem(call, 'unknown, but never sent')
      return
    }
    const name = isQuorateError(error) ? error.code : (error as Error).message.split(' ')[0]
    this.#count(error === reason ? 'left' : `told ${name}`)
    if (entry !== undefined) this.#problem(call, 'was told that nothing was applied, and it was')
  }
}

/** Every promise chain that can go on has. */
function drained(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
