import type { Clock, EventListener, Random } from '@quorate/core'
import type { SagaEvent } from './events.ts'
import type { PgClient, PgPool } from './postgres/pool.ts'
import type { AnySaga, SagaInput, SagaResults } from './saga.ts'
import type { SagaFilter, SagaStore, SagaSummary } from './store.ts'
import type { SagaResult, SagaView } from './view.ts'

/** Options of every engine. */
export interface SagaEngineCommonOptions<Tx> {
  /** Definitions this engine runs; several versions of one name may be given. Others it leaves alone. */
  readonly sagas: readonly AnySaga<Tx>[]
  /**
   * Sagas in memory at once; from 0, default 1,000. Those above wait in the store. 0: this engine
   * starts sagas and runs none.
   */
  readonly concurrency?: number | undefined
  /**
   * Time within which the sagas of an engine that died go on in another one, ms. At least 100, default
   * 10,000. An engine that stalls for 0.4 of it may be taken for dead, and an idle `.tx` is ended after it.
   */
  readonly leaseMs?: number | undefined
  /** How often to look for sagas that are due and for sagas that others ended, ms. Default 250. */
  readonly pollMs?: number | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  readonly onEvent?: EventListener<SagaEvent> | undefined
}

/** Options of {@link createSagaEngine}: a pool, or a store. */
export type SagaEngineOptions<Tx extends PgClient = PgClient> =
  | (SagaEngineCommonOptions<Tx> & {
      /** A connected `pg.Pool`; it stays yours to end, after `stop()`. */
      readonly pool: PgPool<Tx>
      /** Schema of the tables. Default `quorate`. */
      readonly schema?: string | undefined
    })
  | SagaStoreEngineOptions<Tx>

/** Options of {@link createSagaEngine} on a store of your own, or the one from `/memory`. */
export interface SagaStoreEngineOptions<Tx> extends SagaEngineCommonOptions<Tx> {
  readonly store: SagaStore<Tx>
}

/** Options of `engine.start`. */
export interface StartOptions {
  /** One id is one saga, whoever starts it and however often. 1 to 500 characters. */
  readonly id: string
  readonly signal?: AbortSignal | undefined
  /** Time for the first commit, ms. Default 10,000. */
  readonly deadlineMs?: number | undefined
}

/** Options of `run.result`. */
export interface ResultOptions {
  readonly signal?: AbortSignal | undefined
  /** Time to wait, ms; up to Infinity. Default 60,000. */
  readonly deadlineMs?: number | undefined
}

/** One saga, from any process: works as well after a restart, or where another engine runs it. */
export interface SagaHandle<Results = Record<string, unknown>> {
  readonly id: string
  /**
   * Waits until the saga has ended or needs attention.
   *
   * @throws SagaTimeoutError, SagaNotFoundError, SagaEngineStoppedError, `signal.reason`, TypeError for an unknown
   *   option. The saga goes on.
   */
  result(options?: ResultOptions): Promise<SagaResult<Results>>
}

/** What `engine.start` returns. */
export interface SagaRun<Results = Record<string, unknown>> extends SagaHandle<Results> {
  /** `true` if the saga was there before. */
  readonly existed: boolean
}

/** Runs sagas. Begins to work as soon as it is made; end it with `stop()` or `await using`. */
export interface SagaEngine extends AsyncDisposable {
  /** Makes the tables. Can be repeated, also by many at once. */
  migrate(): Promise<void>
  /**
   * Starts a saga, durably: when it resolves, the saga ends, whatever crashes.
   *
   * @throws SagaConflictError the id belongs to another saga or has other input.
   * @throws SagaTimeoutError no commit in time: outcome unknown, so start it again with the same id.
   * @throws SagaStoreError, SagaEngineStoppedError, TypeError for a saga this engine does not have, or an
   *   unknown option.
   */
  start<S extends AnySaga>(
    saga: S,
    input: SagaInput<S>,
    options: StartOptions,
  ): Promise<SagaRun<SagaResults<S>>>
  /** A handle on a saga that was started before; the definition gives its results their types. */
  handle<S extends AnySaga>(id: string, saga: S): SagaHandle<SagaResults<S>>
  handle(id: string): SagaHandle
  /**
   * Hands a signal to a saga, durably; it is kept if the saga does not wait for it yet.
   *
   * @returns `false` if the saga had ended.
   * @throws SagaNotFoundError, TypeError if the wait's schema refuses the payload.
   */
  signal(id: string, name: string, payload?: unknown): Promise<boolean>
  /** All that is known of a saga; `undefined` if there is none. */
  get(id: string): Promise<SagaView | undefined>
  /** Newest first. */
  list(filter?: SagaFilter): Promise<readonly SagaSummary[]>
  /**
   * Sends a saga that needs attention on its way again, with fresh attempts.
   *
   * @returns `false` if it does not need attention.
   * @throws SagaNotFoundError
   */
  retry(id: string): Promise<boolean>
  /**
   * Takes no new work, lets steps in flight finish and record their results, and frees all sagas for
   * other engines. Steps still running after `deadlineMs` (default 10,000) are aborted; a store that
   * does not answer is left a second later, and the lease runs out.
   */
  stop(options?: { readonly deadlineMs?: number | undefined }): Promise<void>
}
