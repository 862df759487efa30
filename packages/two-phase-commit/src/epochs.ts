import { emit, type EventListener } from '@quorate/core'
import type { Deadline } from './deadline.ts'
import type { CoordinatorEvent } from './events.ts'
import { parseId } from './names.ts'
import { checkParticipants } from './postgres/boot.ts'
import type { DecisionLog } from './postgres/decision-log.ts'
import type { PgPool } from './postgres/port.ts'

/** What a coordinator may write in the log with. */
export interface Session {
  /** The log's name. */
  readonly logName: string
  /** This life of the coordinator, until others take it for dead. */
  readonly epoch: string
}

/** What opening an epoch needs. */
export interface EpochsSetup {
  readonly pools: ReadonlyMap<string, PgPool>
  readonly log: DecisionLog
  /** The participant that keeps the log. */
  readonly logAt: string | undefined
  readonly name: string
  readonly regions: Readonly<Record<string, string | undefined>>
  readonly onEvent: EventListener<CoordinatorEvent> | undefined
  readonly newDeadline: () => Deadline
}

/** The epochs of one coordinator, one after the other. A failure to open one is not kept: the next call tries again. */
export class Epochs {
  readonly #setup: EpochsSetup
  readonly #own = new Set<string>()
  #session: Promise<Session> | undefined
  #ready: Session | undefined

  constructor(setup: EpochsSetup) {
    this.#setup = setup
  }

  /** The session if it is open, at once. */
  get ready(): Session | undefined {
    return this.#ready
  }

  /** The session, opened now if there is none. @throws what is wrong with the servers. */
  current(): Promise<Session> {
    this.#session ??= this.#kept(this.#first())
    return this.#session
  }

  /** The session if there is one, without opening it. */
  get last(): Promise<Session | undefined> {
    return this.#session?.catch(() => undefined) ?? Promise.resolve(undefined)
  }

  /** Was it a transaction of this coordinator? */
  isOwn(id: string): boolean {
    return this.#own.has(parseId(id)?.epoch ?? '')
  }

  /** Others closed this epoch. Opens another, once, however many transactions notice. */
  renew(closed: string): void {
    const former = this.#session
    if (former === undefined) return
    this.#session = this.#kept(
      former.then((session) => (session.epoch === closed ? this.#open(session.logName) : session)),
    )
    this.#session.catch(() => {}) // the next transaction is told
  }

  #kept(attempt: Promise<Session>): Promise<Session> {
    this.#ready = undefined
    const session = attempt.then(
      (opened) => {
        if (this.#session === session) this.#ready = opened
        return opened
      },
      (error: unknown) => {
        if (this.#session === session) this.#session = undefined
        throw error
      },
    )
    return session
  }

  async #first(): Promise<Session> {
    const { pools, log, logAt, regions, onEvent, newDeadline } = this.#setup
    using deadline = newDeadline()
    await checkParticipants(pools, logAt, deadline)
    const known = Object.entries(regions).filter((entry): entry is [string, string] => entry[1] !== undefined)
    if (new Set(known.map(([, region]) => region)).size > 1) {
      emit<CoordinatorEvent>(onEvent, () => ({ type: 'regions-differ', regions: Object.fromEntries(known) }))
    }
    return await this.#open(await log.name(deadline))
  }

  async #open(logName: string): Promise<Session> {
    const { log, name, newDeadline } = this.#setup
    using deadline = newDeadline()
    const epoch = await log.openEpoch(name, deadline)
    this.#own.add(epoch)
    return { logName, epoch }
  }
}
