import type { Clock } from '@quorate/core'
import { promised } from '../check-call.ts'
import { deadline } from '../deadline.ts'
import { NotPrimaryError, PrimaryUnavailableError } from '../errors.ts'
import type { Deadline } from '../under-way.ts'
import { WriteUnknownError } from './errors.ts'
import { Loan } from './loan.ts'
import type { RedisMonitor } from './monitor.ts'
import type { RedisSettings } from './options.ts'
import type { RedisClient, RedisWork } from './port.ts'
import type { RedisPosition } from './position.ts'
import type { Primary } from './primary.ts'
import type { RedisSession } from './session.ts'

/** What runs on the primary, and for whom. */
export interface PrimaryJob<T, Client> {
  readonly work: RedisWork<T, Client>
  readonly session: RedisSession | undefined
  /** Its commands may write, so that the session moves to where they are, also when they fail. */
  readonly writes: boolean
  /** The session moves to what was seen. */
  readonly moves: boolean
  readonly signal: AbortSignal | undefined
}

/** Runs callbacks on the primary; nothing waits there for ever. */
export class PrimaryWork<Client extends RedisClient> {
  readonly #primary: Primary<Client>
  readonly #monitor: RedisMonitor<Client>
  readonly #settings: RedisSettings
  readonly #clock: Clock

  constructor(
    primary: Primary<Client>,
    monitor: RedisMonitor<Client>,
    settings: RedisSettings,
    clock: Clock,
  ) {
    this.#primary = primary
    this.#monitor = monitor
    this.#settings = settings
    this.#clock = clock
  }

  /**
   * @returns the callback's result, and from which position on it can be seen, if that is known.
   * @throws PrimaryUnavailableError, NotPrimaryError, WriteUnknownError; what the callback throws;
   *   `signal.reason` if nothing was sent.
   */
  async run<T>(
    job: PrimaryJob<T, Client>,
  ): Promise<{ readonly value: T; readonly position: RedisPosition | undefined }> {
    const { work, session, writes, moves, signal } = job
    await this.#open(signal)
    const before = session?.positions ?? []
    const { running, connection } = this.#primary
    const loan = new Loan(connection, true)
    const { deadlineMs } = this.#settings
    const limit: Deadline = {
      atMs: this.#clock.monotonic() + deadlineMs,
      error: () => new PrimaryUnavailableError(`it has not answered within ${deadlineMs} ms`),
    }
    let abandoned = false
    const abandon = (): void => void (abandoned = true)
    let outcome: { readonly value: T } | { readonly error: unknown }
    try {
      outcome = {
        value: await running.until(call(writes ? 'write' : 'read', work, loan.client), {
          signal,
          deadline: limit,
          abandon,
        }),
      }
    } catch (error) {
      outcome = { error }
    }
    loan.end()
    const isLost = abandoned || loan.failure === 'lost'
    const stand = isLost
      ? undefined
      : await running.until(loan.replication(), { deadline: limit }).catch(() => undefined)
    const position = stand?.role === 'primary' ? { replid: stand.replid, offset: stand.offset } : undefined
    if (position !== undefined && (writes || moves)) session?.reached(position, before)
    else if (writes && loan.sent > 0) session?.lost()
    if (isLost || loan.failure === 'wrote') throw failureOf(loan, writes, outcome)
    if ('error' in outcome) throw outcome.error
    // It may have been one for long, and have shown old data.
    if (!writes && stand?.role === 'replica') throw new NotPrimaryError()
    return { value: outcome.value, position }
  }

  /** Waits until something can be sent, if that may be soon. */
  async #open(signal: AbortSignal | undefined): Promise<void> {
    const { deadlineMs, probeDeadlineMs } = this.#settings
    signal?.throwIfAborted()
    if (this.#primary.isOpen) return
    // A circuit breaker: nobody waits long for a server that is known to be away, but everybody tries.
    const isAway = this.#primary.standing === 'unreachable' || this.#primary.standing === 'replica'
    const waitMs = isAway ? Math.min(2 * probeDeadlineMs, deadlineMs) : deadlineMs
    using limit = deadline(this.#clock, waitMs, 'Waiting for the primary')
    const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal])
    if (await this.#monitor.waitUntil(() => this.#primary.isOpen, either)) return
    signal?.throwIfAborted()
    if (this.#primary.standing === 'replica') throw new NotPrimaryError()
    throw new PrimaryUnavailableError(
      this.#primary.connection.isReady ? 'it does not answer' : `there was no connection within ${waitMs} ms`,
    )
  }
}

/** A callback may throw before it returns a promise. */
async function call<T, Client>(
  action: 'read' | 'write',
  work: RedisWork<T, Client>,
  client: Client,
): Promise<T> {
  return promised(action, work(client))
}

/** What to say of work that met a server which has gone, or takes no writes. */
function failureOf(
  { failure, sent, done }: Loan<RedisClient>,
  writes: boolean,
  outcome: { readonly value: unknown } | { readonly error: unknown },
): unknown {
  const cause = 'error' in outcome ? outcome.error : undefined
  // It refused the first command that would have changed something; those before may have been reads or not.
  if (failure === 'wrote')
    return done === 0 || !writes ? new NotPrimaryError() : new WriteUnknownError({ sent, cause })
  if (sent === 0)
    return failure === 'lost' ? new PrimaryUnavailableError('its connection is gone', { cause }) : cause
  if (writes) return new WriteUnknownError({ sent, cause })
  // A read may have written as well: nobody can tell.
  return failure === 'lost'
    ? new PrimaryUnavailableError('the connection was lost during a read', { outcome: 'unknown', cause })
    : cause
}
