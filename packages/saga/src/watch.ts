import { waitOrAbort } from '@quorate/core'
import type { Deadlines } from './deadlines.ts'
import type { ResultOptions } from './engine-api.ts'
import { checkResultOptions } from './engine-options.ts'
import { SagaEngineStoppedError, SagaNotFoundError, SagaTimeoutError } from './errors.ts'
import type { RunEnd } from './runner.ts'
import { type SagaStore, StoreFault } from './store.ts'
import { resultOf, type SagaResult } from './view.ts'

interface Waiter {
  readonly resolve: (result: SagaResult) => void
  readonly reject: (error: unknown) => void
}

/** Those who wait for sagas to end, here or in other engines. */
export class Watch {
  readonly #store: SagaStore<unknown>
  readonly #deadlines: Deadlines
  readonly #isLocal: (id: string) => boolean
  readonly #waiting = new Map<string, Set<Waiter>>()
  /** Of calls that wait, for a start or a result. */
  readonly #limits = new Map<AbortController, 'start' | 'result'>()
  #closed = false

  /** @param isLocal tells that this engine runs a saga, and will say how it ended. */
  constructor(store: SagaStore<unknown>, deadlines: Deadlines, isLocal: (id: string) => boolean) {
    this.#store = store
    this.#deadlines = deadlines
    this.#isLocal = isLocal
  }

  /** Waits for the end of a saga; `local` is that of the run which this engine began. */
  async result(
    id: string,
    local: Promise<RunEnd> | undefined,
    options: ResultOptions = {},
  ): Promise<SagaResult> {
    checkResultOptions(id, options)
    const { deadlineMs = 60_000, signal } = options
    signal?.throwIfAborted()
    const settled = async (limit: AbortSignal): Promise<SagaResult> => {
      const end = await local
      return end?.type === 'settled' ? resultOfEnd(end) : this.#wait(id, limit)
    }
    return this.within(settled, { id, deadlineMs, signal, waitedFor: 'result' })
  }

  /** Waits for what `operation` returns, so long; its signal tells it that nobody waits any more. */
  async within<T>(
    operation: (signal: AbortSignal) => Promise<T>,
    {
      id,
      deadlineMs,
      signal,
      waitedFor,
    }: {
      id: string
      deadlineMs: number
      signal: AbortSignal | undefined
      waitedFor: 'start' | 'result'
    },
  ): Promise<T> {
    const limit = new AbortController()
    const stop = (): void => limit.abort(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    const clear =
      deadlineMs === Infinity
        ? undefined
        : this.#deadlines.set(deadlineMs, () =>
            limit.abort(new SagaTimeoutError({ id, deadlineMs, waitedFor })),
          )
    this.#limits.set(limit, waitedFor)
    try {
      return await waitOrAbort(operation(limit.signal), limit.signal)
    } finally {
      this.#limits.delete(limit)
      clear?.()
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Resolves when the saga is settled. */
  async #wait(id: string, signal: AbortSignal): Promise<SagaResult> {
    // Nobody polls any more, and the deadlines are off.
    if (this.#closed) throw new SagaEngineStoppedError('wait for a result')
    let waiters = this.#waiting.get(id)
    if (waiters === undefined) this.#waiting.set(id, (waiters = new Set()))
    const set = waiters
    return new Promise<SagaResult>((resolve, reject) => {
      const waiter: Waiter = { resolve, reject }
      set.add(waiter)
      const forget = (): void => {
        set.delete(waiter)
        if (set.size === 0 && this.#waiting.get(id) === set) this.#waiting.delete(id)
      }
      signal.addEventListener('abort', forget, { once: true })
      if (this.#isLocal(id)) return
      // Not awaited: who waits has to hear of `close()` also while the store does not answer.
      this.#look(id).catch((error: unknown) => {
        if (error instanceof StoreFault) return // a store that is away now is asked again by the poll
        forget()
        reject(error)
      })
    })
  }

  async #look(id: string): Promise<void> {
    const [saga] = await this.#store.load([id])
    if (saga === undefined) throw new SagaNotFoundError(id, 'wait for its result')
    const known = resultOf(saga)
    if (known !== undefined) this.#resolve(id, known)
  }

  /** A run of this engine has ended. */
  settle(id: string, end: RunEnd & { type: 'settled' }): void {
    if (this.#waiting.has(id)) this.#resolve(id, resultOfEnd(end))
  }

  /** Asks the store about those that other engines run. */
  async poll(): Promise<void> {
    const ids = [...this.#waiting.keys()].filter((id) => !this.#isLocal(id))
    if (ids.length === 0) return
    const settled = await this.#store.settled(ids)
    if (settled.length === 0) return
    for (const saga of await this.#store.load(settled)) {
      const result = resultOf(saga)
      if (result !== undefined) this.#resolve(saga.id, result)
    }
  }

  /** Ends all waits, also those for a store that does not answer: the deadlines are off from now on. */
  close(): void {
    this.#closed = true
    for (const [limit, waitedFor] of this.#limits) {
      limit.abort(new SagaEngineStoppedError(`wait for the ${waitedFor} of a saga`))
    }
    this.#waiting.clear()
  }

  #resolve(id: string, result: SagaResult): void {
    for (const { resolve } of this.#waiting.get(id) ?? []) resolve(result)
    this.#waiting.delete(id)
  }
}

/** The result of a run that ended in this engine. */
function resultOfEnd({ state: { phase }, results }: RunEnd & { type: 'settled' }): SagaResult {
  if (phase.at === 'completed') return { status: 'completed', results }
  if (phase.at === 'compensated' || phase.at === 'needs-attention') {
    return { status: phase.at, failure: phase.failure }
  }
  throw new Error(`Broken invariant, please report it: a saga settled while ${phase.at}`)
}
