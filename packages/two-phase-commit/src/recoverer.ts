import { type Clock, emit, type EventListener } from '@quorate/core'
import { Deadline } from './deadline.ts'
import type { DoneRecords } from './done-records.ts'
import type { Epochs, Session } from './epochs.ts'
import type { CoordinatorEvent } from './events.ts'
import type { Participants, RecoveryReport, Settings } from './options.ts'
import type { DecisionLog } from './postgres/decision-log.ts'
import type { PgPool } from './postgres/port.ts'
import { recoverOnce } from './recovery.ts'
import type { CoordinatorSpans } from './spans.ts'

/** What a coordinator lends to its recovery. */
export interface RecovererSetup {
  readonly settings: Pick<
    Settings<Participants>,
    'graceMs' | 'orphanAfterMs' | 'closeAfterMs' | 'alertAfterMs' | 'recoverEveryMs'
  >
  readonly clock: Clock
  readonly onEvent: EventListener<CoordinatorEvent> | undefined
  readonly spans: CoordinatorSpans | undefined
  readonly pools: ReadonlyMap<string, PgPool>
  readonly log: DecisionLog
  readonly epochs: Epochs
  readonly done: DoneRecords
  /** Is the coordinator still at it? */
  readonly isActive: (id: string) => boolean
}

/** Looks from time to time for what is prepared without somebody at it. */
export class Recoverer {
  readonly #setup: RecovererSetup
  readonly #stopping = new AbortController()
  readonly #unfinished = new Set<string>()
  #pass: Promise<RecoveryReport> | undefined
  #looping: Promise<void> | undefined

  constructor(setup: RecovererSetup) {
    this.#setup = setup
  }

  /** Committed, and its caller knows; somebody has yet to be told. */
  add(id: string): void {
    this.#unfinished.add(id)
  }

  /** Begins to look, if that is wanted and has not begun. */
  start(): void {
    if (this.#setup.settings.recoverEveryMs === Infinity || this.#stopping.signal.aborted) return
    this.#looping ??= this.#loop()
  }

  /** One pass at a time; who asks meanwhile gets that one. */
  once(session: Session): Promise<RecoveryReport> {
    this.#pass ??= this.#run(session).finally(() => (this.#pass = undefined))
    return this.#pass
  }

  /** Resolves when nothing runs any more. */
  async stop(reason: Error): Promise<void> {
    this.#stopping.abort(reason)
    await Promise.allSettled([this.#pass, this.#looping])
  }

  /** Never rejects. */
  async #loop(): Promise<void> {
    const { clock, settings, epochs } = this.#setup
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.once(await epochs.current())
      } catch (error) {
        this.#failed(error)
      }
      await clock.sleep(settings.recoverEveryMs, { signal, ref: false }).catch(() => {})
    }
  }

  async #run({ logName, epoch }: Session): Promise<RecoveryReport> {
    const { settings, clock, log, epochs, pools, onEvent, spans, isActive } = this.#setup
    const { graceMs, orphanAfterMs, closeAfterMs, alertAfterMs } = settings
    const { signal } = this.#stopping
    try {
      using deadline = new Deadline(clock, graceMs, () => new Error('no answer'), signal)
      if (!(await log.signOfLife(epoch, deadline))) epochs.renew(epoch)
    } catch (error) {
      this.#failed(error)
      return { recovered: 0, left: 0, unreachable: ['the decision log'], elsewhere: false }
    }
    await this.#flush()
    return recoverOnce({
      logName,
      log,
      pools,
      clock,
      graceMs,
      orphanAfterMs,
      closeAfterMs,
      alertAfterMs,
      onEvent,
      spans,
      signal,
      isActive,
      isOwn: (id) => epochs.isOwn(id),
      unfinished: this.#unfinished,
      finished: (id) => this.#unfinished.delete(id),
    })
  }

  /** A participant that is away keeps its records, which the next pass looks at again. */
  async #flush(): Promise<void> {
    const { settings, clock, done } = this.#setup
    using deadline = new Deadline(
      clock,
      settings.graceMs,
      () => new Error('no answer'),
      this.#stopping.signal,
    )
    await done.flush(deadline).catch(() => {})
  }

  #failed(error: unknown): void {
    const server = 'the decision log'
    emit<CoordinatorEvent>(this.#setup.onEvent, () => ({ type: 'recovery-failed', server, error }))
  }
}
