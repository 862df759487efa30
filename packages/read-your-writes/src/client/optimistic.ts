import {
  checkNames,
  emit,
  fullJitterMs,
  outcomeOf,
  systemClock,
  systemRandom,
  waitOrAbort,
  type Clock,
} from '@quorate/core'
import { AnswerError, NoAnswerError, RollbackError } from './errors.ts'
import {
  shown,
  startState,
  step,
  type Effect,
  type KeyEvent,
  type KeyState,
  type UpdateEnd,
  type WriteAnswer,
} from './optimistic-state.ts'
import type {
  AttemptContext,
  Optimistic,
  OptimisticOptions,
  OptimisticSnapshot,
  OptimisticUpdate,
  UpdateResult,
} from './optimistic-types.ts'

interface Pending<T> {
  readonly update: OptimisticUpdate<T>
  readonly resolve: (result: UpdateResult<T>) => void
}

/** All there is of a key. */
interface Cell<T> {
  state: KeyState<T>
  error: RollbackError | undefined
  snapshot: OptimisticSnapshot<T>
  readonly pending: Map<number, Pending<T>>
  readonly listeners: Set<() => void>
  waiting: ((snapshot: OptimisticSnapshot<T>) => void)[]
}

const UNKNOWN: OptimisticSnapshot<never> = {
  value: undefined,
  status: 'unknown',
  pending: 0,
  error: undefined,
}
const BACKOFF = { baseMs: 200, maxMs: 5_000 }
const OPTIONS: readonly (keyof OptimisticOptions<unknown>)[] = [
  'read',
  'equal',
  'client',
  'writeDeadlineMs',
  'readDeadlineMs',
  'readAttempts',
  'maxKeys',
  'onRollback',
  'clock',
  'random',
]
const UPDATE: readonly (keyof OptimisticUpdate<unknown>)[] = ['change', 'write', 'isDone', 'latest']

/**
 * The follow button: it turns at once, the write goes out, a read that carries the write's token looks what became
 * of it, and the button turns back with a reason if the write was refused or the read disagrees. A write whose answer
 * is lost may have been done: the read decides.
 *
 * @throws TypeError for an unknown option, or without `read`; RangeError for a number below 1.
 *
 * @example
 * ```ts
 * const follows = optimistic<boolean>({
 *   client,
 *   read: async (user, { signal }) => (await client.fetch(`/follows/${user}`, { signal })).json(),
 * })
 * const { status } = await follows.update('ann', {
 *   latest: true,
 *   change: () => true,
 *   write: ({ signal }) => client.fetch('/follows/ann', { method: 'PUT', signal }),
 * })
 * ```
 */
export function optimistic<T>(options: OptimisticOptions<T>): Optimistic<T> {
  return new OptimisticStore(options)
}

class OptimisticStore<T> implements Optimistic<T> {
  readonly #options: OptimisticOptions<T>
  readonly #clock: Clock
  readonly #cells = new Map<string, Cell<T>>()
  readonly #closing = new AbortController()
  readonly #unsubscribe: (() => void) | undefined
  readonly #limits: Readonly<
    Record<'writeDeadlineMs' | 'readDeadlineMs' | 'readAttempts' | 'maxKeys', number>
  >
  #lastUpdate = 0

  constructor(options: OptimisticOptions<T>) {
    checkNames('be optimistic', options, OPTIONS)
    const { read, client, clock = systemClock } = options
    const { writeDeadlineMs = 30_000, readDeadlineMs = 10_000, readAttempts = 4, maxKeys = 1_000 } = options
    if (typeof read !== 'function') {
      throw new TypeError(
        `Cannot be optimistic: read must be a function, got ${typeof read}; pass (key) => value`,
      )
    }
    this.#limits = { writeDeadlineMs, readDeadlineMs, readAttempts, maxKeys }
    for (const [name, value] of Object.entries(this.#limits)) {
      if (!(value >= 1)) throw new RangeError(`Cannot be optimistic: ${name} must be from 1, got ${value}`)
    }
    this.#options = options
    this.#clock = clock
    this.#unsubscribe = client?.subscribe(() => {
      for (const [key, cell] of this.#cells)
        if (cell.listeners.size > 0) this.#send(key, cell, { type: 'refresh' })
    })
  }

  getSnapshot(key: string): OptimisticSnapshot<T> {
    return this.#cells.get(key)?.snapshot ?? UNKNOWN
  }

  subscribe(key: string, listener: () => void): () => void {
    const cell = this.#cell(key)
    const one = (): void => listener()
    cell.listeners.add(one)
    const { base, phase } = cell.state
    if (base === undefined && phase.type === 'idle') this.#send(key, cell, { type: 'refresh' })
    return () => void cell.listeners.delete(one)
  }

  update(key: string, update: OptimisticUpdate<T>): Promise<UpdateResult<T>> {
    checkNames('update', update, UPDATE)
    for (const name of ['change', 'write'] as const) {
      if (typeof update[name] === 'function') continue
      throw new TypeError(`Cannot update ${key}: ${name} must be a function, got ${typeof update[name]}`)
    }
    const { change, isDone = (read, expected) => this.#equal(read, expected), latest = false } = update
    const cell = this.#cell(key)
    const id = ++this.#lastUpdate
    return new Promise((resolve) => {
      change(shown(cell.state)) // if it throws, then before anything is changed
      cell.pending.set(id, { update, resolve })
      cell.error = undefined
      if (this.#closing.signal.aborted) {
        this.#end(key, cell, id, CLOSED_BEFORE)
        this.#changed(cell)
      } else this.#send(key, cell, { type: 'update', update: { id, change, isDone, latest } })
    })
  }

  refresh(key: string): Promise<OptimisticSnapshot<T>> {
    const cell = this.#cell(key)
    this.#send(key, cell, { type: 'refresh' })
    if (cell.state.phase.type === 'idle') return Promise.resolve(cell.snapshot)
    return new Promise((resolve) => cell.waiting.push(resolve))
  }

  seed(key: string, value: T): void {
    const cell = this.#cell(key)
    if (cell.state.base !== undefined) return
    cell.state = { ...cell.state, base: { value } }
    this.#changed(cell)
  }

  close(): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new DOMException('The store was closed', 'AbortError'))
    this.#unsubscribe?.()
    for (const [key, cell] of this.#cells) {
      const { phase, base } = cell.state
      const sent = phase.type === 'writing' || phase.type === 'verifying' ? phase.update : undefined
      cell.state = startState(base)
      for (const id of cell.pending.keys()) {
        this.#end(key, cell, id, id === sent ? { ...CLOSED_BEFORE, outcome: 'unknown' } : CLOSED_BEFORE)
      }
      this.#changed(cell)
    }
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #send(key: string, cell: Cell<T>, event: KeyEvent<T>): void {
    if (this.#closing.signal.aborted) return
    const { state, effects } = step(cell.state, event)
    cell.state = state
    for (const effect of effects) this.#run(key, cell, effect)
    this.#changed(cell)
  }

  #run(key: string, cell: Cell<T>, effect: Effect): void {
    switch (effect.type) {
      case 'write':
        void this.#write(cell, effect.update).then(({ answer, cause }) => {
          this.#send(key, cell, { type: 'answer', update: effect.update, answer, cause })
        })
        return
      case 'read':
        void this.#read(key, () => isCurrent(cell.state, effect.read)).then(
          (value) => this.#send(key, cell, { type: 'read', read: effect.read, value }),
          (cause: unknown) => this.#send(key, cell, { type: 'read-failed', read: effect.read, cause }),
        )
        return
      case 'end':
        return this.#end(key, cell, effect.update, effect.end)
      default:
        return effect satisfies never
    }
  }

  async #write(cell: Cell<T>, id: number): Promise<{ answer: WriteAnswer; cause: unknown }> {
    const { update } = cell.pending.get(id) ?? {}
    try {
      const answer = await this.#attempt('write', async (context) => update?.write(context))
      const { ok, status } = (answer ?? {}) as { readonly ok?: unknown; readonly status?: unknown }
      if (ok === false && typeof status === 'number') throw new AnswerError(status)
      return { answer: 'written', cause: undefined }
    } catch (cause) {
      return { answer: outcomeOf(cause) === 'unknown' ? 'unknown' : 'refused', cause }
    }
  }

  async #read(key: string, isWanted: () => boolean): Promise<T> {
    const { random = systemRandom, read } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt('read', (context) => read(key, context))
      } catch (error) {
        if (attempt >= this.#limits.readAttempts || !isWanted()) throw error
        const waitMs = fullJitterMs(attempt - 1, random, BACKOFF)
        await this.#clock.sleep(waitMs, { signal: this.#closing.signal, ref: false })
      }
    }
  }

  /** Ends at the deadline also if what runs does not listen. Without `using`, which browsers do not all have. */
  async #attempt<R>(what: 'write' | 'read', work: (context: AttemptContext) => Promise<R>): Promise<R> {
    const ms = this.#limits[`${what}DeadlineMs`]
    const ended = new AbortController()
    const done = new AbortController()
    const closing = this.#closing.signal
    const onClose = (): void => ended.abort(closing.reason)
    if (closing.aborted) onClose()
    closing.addEventListener('abort', onClose)
    this.#clock.sleep(ms, { signal: done.signal, ref: false }).then(
      () => ended.abort(new NoAnswerError(what, ms)),
      () => {},
    )
    try {
      const { signal } = ended
      const late = waitOrAbort(new Promise<never>(() => {}), signal) // first, so that its reason wins
      return await Promise.race([late, work({ signal })])
    } finally {
      done.abort()
      closing.removeEventListener('abort', onClose)
    }
  }

  #end(key: string, cell: Cell<T>, id: number, end: UpdateEnd): void {
    const { resolve } = cell.pending.get(id) ?? {}
    cell.pending.delete(id)
    const value = shown(cell.state)
    switch (end.type) {
      case 'rolled-back': {
        const { reason, outcome, cause } = end
        const error = new RollbackError({ key, reason, outcome, cause })
        cell.error = error
        emit(this.#options.onRollback, () => error)
        return resolve?.({ status: 'rolled-back', value, error })
      }
      case 'accepted':
        return resolve?.({ status: 'accepted', value, cause: end.cause })
      case 'confirmed':
      case 'superseded':
        return resolve?.({ status: end.type, value })
      default:
        return end satisfies never
    }
  }

  #changed(cell: Cell<T>): void {
    const { phase, base, updates } = cell.state
    const status =
      updates.length > 0
        ? 'pending'
        : phase.type === 'reading'
          ? 'reading'
          : base === undefined
            ? 'unknown'
            : 'settled'
    const next = { value: shown(cell.state), status, pending: updates.length, error: cell.error } as const
    const { snapshot } = cell
    const isSame =
      snapshot.status === status && snapshot.pending === next.pending && snapshot.error === next.error
    if (!isSame || !this.#isShownAs(snapshot.value, next.value)) {
      cell.snapshot = next
      for (const listener of cell.listeners) emit(listener, () => undefined)
    }
    if (phase.type === 'idle') for (const resolve of cell.waiting.splice(0)) resolve(cell.snapshot)
  }

  #isShownAs(one: T | undefined, other: T | undefined): boolean {
    return one === undefined || other === undefined ? one === other : this.#equal(one, other)
  }

  #equal(one: T, other: T): boolean {
    const { equal = (a, b) => Object.is(a, b) || JSON.stringify(a) === JSON.stringify(b) } = this.#options
    return equal(one, other)
  }

  /** Also puts it to the end: the first is the one that was used longest ago. */
  #cell(key: string): Cell<T> {
    const cell: Cell<T> = this.#cells.get(key) ?? {
      state: startState<T>(undefined),
      error: undefined,
      snapshot: UNKNOWN,
      pending: new Map(),
      listeners: new Set(),
      waiting: [],
    }
    this.#cells.delete(key)
    this.#cells.set(key, cell)
    if (this.#cells.size > this.#limits.maxKeys) this.#forget(key)
    return cell
  }

  #forget(butKey: string): void {
    for (const [key, { state, listeners }] of this.#cells) {
      if (this.#cells.size <= this.#limits.maxKeys) return
      if (key !== butKey && listeners.size === 0 && state.phase.type === 'idle') this.#cells.delete(key)
    }
  }
}

const CLOSED_BEFORE = {
  type: 'rolled-back',
  reason: 'closed',
  outcome: 'not-applied',
  cause: undefined,
} as const

function isCurrent<T>({ phase }: KeyState<T>, read: number): boolean {
  return (phase.type === 'reading' || phase.type === 'verifying') && phase.read === read
}
