import { checkNames, emit, rendezvous, systemClock, systemRandom, type Random } from '@quorate/core'
import { checkWork, promised, sessionInput } from '../check-call.ts'
import { asyncContext, type AsyncContext } from '../node/context.ts'
import { hmacSigner } from '../node/hmac.ts'
import type { SessionOptions, SessionRouter } from '../session-router.ts'
import type { Session } from '../session.ts'
import { SharedValues } from '../shared-values.ts'
import type { WindowEvent, WindowReason } from './events.ts'
import {
  checkWindowLevel,
  windowSettingsOf,
  type ReadYourWritesWindowOptions,
  type WindowLevel,
  type WindowReplicaOptions,
  type WindowSettings,
} from './options.ts'
import { WindowSession, type WindowSessionParts } from './session.ts'

/** The callback of a read or a write. */
export type WindowWork<T, Client> = (client: Client) => Promise<T>

/** Options of {@link ReadYourWritesWindow.read}. */
export interface WindowReadOptions {
  /** Default: the router's. */
  readonly level?: WindowLevel | undefined
  /** Default: the session of {@link SessionRouter.run} that this runs in. */
  readonly session?: Session | undefined
}

/** Options of {@link ReadYourWritesWindow.write}. */
export interface WindowWriteOptions {
  /** Default: the session of {@link SessionRouter.run} that this runs in. */
  readonly session?: Session | undefined
}

/** A router that goes by time: {@link readYourWritesWindow}. */
export interface ReadYourWritesWindow<Client> extends SessionRouter {
  /**
   * Runs `work` on the primary if the session has written within the window, else on a replica; again
   * elsewhere if that is away, so it should only read.
   *
   * @throws what `work` throws.
   */
  read<T>(work: WindowWork<T, Client>, options?: WindowReadOptions): Promise<T>
  /**
   * Runs `work` on the primary. The window begins when it ends, also if it throws: what it has done may stand.
   *
   * @throws what `work` throws.
   */
  write<T>(work: WindowWork<T, Client>, options?: WindowWriteOptions): Promise<T>
  /**
   * Runs `work` with another level for reads that name none, over promises and callbacks; the innermost counts.
   *
   * @throws TypeError for a level that is unknown, or that needs positions.
   */
  withLevel<T>(level: WindowLevel, work: () => T): T
}

/**
 * Makes a router for stores whose replicas do not say how far they are: "the primary for 30 seconds after a
 * write". It is a guess and no guarantee: a replica that lags for longer than the window is read stale, and
 * nobody notices. It has no background work, and nothing to stop.
 *
 * @throws RangeError, TypeError for an option that is missing, unknown or out of its range.
 *
 * @example
 * ```ts
 * const db = readYourWritesWindow({ primary: writer, replicas: [{ id: 'all', client: reader }], secret })
 * await db.write((mysql) => mysql.execute('UPDATE …'), { session })
 * await db.read((mysql) => mysql.execute('SELECT …'), { session })
 * ```
 */
export function readYourWritesWindow<Client>(
  options: ReadYourWritesWindowOptions<Client>,
): ReadYourWritesWindow<Client> {
  const settings = windowSettingsOf(options)
  const signer = hmacSigner(typeof options.secret === 'string' ? [options.secret] : options.secret)
  return new TimedReadYourWrites(options, settings, signer, asyncContext())
}

const READ_OPTIONS: readonly (keyof WindowReadOptions)[] = ['level', 'session']
const WRITE_OPTIONS: readonly (keyof WindowWriteOptions)[] = ['session']

class TimedReadYourWrites<Client> implements ReadYourWritesWindow<Client> {
  readonly #primary: Client
  readonly #ranking: ReturnType<typeof rendezvous<WindowReplicaOptions<Client>>>
  readonly #settings: WindowSettings
  readonly #isUnavailable: (error: unknown) => boolean
  readonly #random: Random
  readonly #context: AsyncContext<Session>
  readonly #levels: AsyncContext<WindowLevel> = asyncContext()
  readonly #sessionParts: WindowSessionParts
  readonly #onEvent: ReadYourWritesWindowOptions<Client>['onEvent']

  constructor(
    options: ReadYourWritesWindowOptions<Client>,
    settings: WindowSettings,
    signer: WindowSessionParts['signer'],
    context: AsyncContext<Session>,
  ) {
    const { clock = systemClock, random = systemRandom, isUnavailable = () => false, onEvent } = options
    this.#primary = options.primary
    this.#ranking = rendezvous(options.replicas)
    this.#settings = settings
    this.#isUnavailable = isUnavailable
    this.#random = random
    this.#context = context
    this.#onEvent = onEvent
    this.#sessionParts = {
      signer,
      clock,
      windowMs: settings.windowMs,
      shared: new SharedValues(settings.maxSharedSessions),
      onRejected: (rejection) => emit<WindowEvent>(onEvent, () => ({ type: 'token-rejected', rejection })),
    }
  }

  async read<T>(work: WindowWork<T, Client>, options: WindowReadOptions = {}): Promise<T> {
    checkWork('read', work)
    checkNames('read', options, READ_OPTIONS)
    const { level = this.#levels.current() ?? this.#settings.level } = options
    checkWindowLevel(level)
    const session = this.#sessionOf(options.session)
    let reason = reasonFor(level, session)
    const key = session?.key ?? String(this.#random())
    for (const { id, client } of reason === undefined ? this.#ranking.rank(key) : []) {
      try {
        const value = await promised('read', work(client))
        this.#emitRead(level, id, undefined)
        return value
      } catch (error) {
        if (!this.#isUnavailable(error)) throw error
        reason = 'replica-failed'
      }
    }
    const value = await promised('read', work(this.#primary))
    this.#emitRead(level, 'primary', reason ?? 'no-replica')
    return value
  }

  async write<T>(work: WindowWork<T, Client>, options: WindowWriteOptions = {}): Promise<T> {
    checkWork('write', work)
    checkNames('write', options, WRITE_OPTIONS)
    const session = this.#sessionOf(options.session)
    try {
      const value = await promised('write', work(this.#primary))
      emit<WindowEvent>(this.#onEvent, () => ({ type: 'write' }))
      return value
    } finally {
      session?.wrote()
    }
  }

  session(options: SessionOptions = {}): Session {
    const { tokens, key } = sessionInput(options)
    return new WindowSession(key, tokens, this.#sessionParts)
  }

  run<T>(session: Session, work: () => T): T {
    checkWork('run', work)
    this.#sessionOf(session)
    return this.#context.run(session, work)
  }

  current(): Session | undefined {
    return this.#context.current()
  }

  withLevel<T>(level: WindowLevel, work: () => T): T {
    checkWork('withLevel', work)
    checkWindowLevel(level)
    return this.#levels.run(level, work)
  }

  reportLateToken(): void {
    emit<WindowEvent>(this.#onEvent, () => ({ type: 'token-late' }))
  }

  #sessionOf(given: Session | undefined): WindowSession | undefined {
    const session = given ?? this.#context.current()
    if (session === undefined || session instanceof WindowSession) return session
    throw new TypeError(
      'Cannot use the session: it must come from session() of a router by time; make it with db.session()',
    )
  }

  #emitRead(level: WindowLevel, target: string, reason: WindowReason | undefined): void {
    emit<WindowEvent>(this.#onEvent, () => ({ type: 'read', level, target, reason }))
  }
}

/** Why the primary, before anybody is asked; `undefined`: a replica may serve. */
function reasonFor(level: WindowLevel, session: WindowSession | undefined): WindowReason | undefined {
  switch (level) {
    case 'strong':
      return 'strong'
    case 'eventual':
      return undefined
    case 'read-your-writes':
      if (session === undefined) return 'no-session'
      return session.hasWritten ? 'recent-write' : undefined
    default:
      return level satisfies never
  }
}
