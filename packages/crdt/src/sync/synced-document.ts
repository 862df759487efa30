import type { VersionVector } from '@quorate/vector-clock'
import { SyncError, type SyncProblem } from './errors.ts'
import {
  isInSync,
  isWaiting,
  type LinkEffect,
  type LinkEvent,
  type LinkLimits,
  type LinkState,
  newLink,
  step,
} from './link.ts'
import { ANYBODY, type Message } from './message.ts'
import type { ReplicaVersion, SyncReplica } from './replica.ts'

/** Peers of one document over one channel; the one that was silent longest makes room. */
const MAX_LINKS = 64

/** What a document needs of its channel. */
export interface DocumentContext {
  readonly limits: LinkLimits
  readonly send: (message: Message) => void
  /** Something waits for an answer now. */
  readonly wake: () => void
  readonly onError: (error: SyncError) => void
}

interface Link {
  state: LinkState
  number: number
}

/** The replica of one document and its links: gives events to the state machines and does what they say. */
export class DocumentSync {
  readonly synced: Promise<void>
  readonly #document: string
  readonly #replica: SyncReplica
  readonly #session: number
  readonly #isLive: boolean
  readonly #onMerge: (() => void) | undefined
  readonly #context: DocumentContext
  /** By session of the peer, those heard last at the end. */
  readonly #links = new Map<number, Link>()
  readonly #early: Message[] = []
  #own: ReplicaVersion | undefined
  #revision = 0
  #broadcasts = 0
  #isClosed = false
  readonly #settle: { resolve: () => void; reject: (error: SyncError) => void }

  constructor(
    document: string,
    replica: SyncReplica,
    facts: {
      readonly session: number
      readonly isLive: boolean
      readonly onMerge?: (() => void) | undefined
    },
    context: DocumentContext,
  ) {
    this.#document = document
    this.#replica = replica
    this.#session = facts.session
    this.#isLive = facts.isLive
    this.#onMerge = facts.onMerge
    this.#context = context
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.synced = promise
    this.#settle = { resolve, reject }
    // Whoever does not wait for it does not have to catch it.
    promise.catch(() => {})
    this.#then(
      () => replica.read(),
      (own) => {
        this.#own = own
        this.#broadcast(false)
        context.wake()
        for (const message of this.#early.splice(0)) this.receive(message)
      },
    )
  }

  /** True if a tick would do something. */
  get isWaiting(): boolean {
    if (this.#own === undefined || this.#isClosed) return false
    if (this.#links.size === 0) return this.#broadcasts <= this.#context.limits.maxSilence
    return [...this.#links.values()].some(({ state }) => isWaiting(state, this.#context.limits))
  }

  receive(message: Message): void {
    if (this.#isClosed || message.from === this.#session) return
    if (message.to !== ANYBODY && message.to !== this.#session) return
    if (this.#own === undefined) {
      // The replica is still being read. What is more than a few hellos is sent again.
      if (this.#early.length < MAX_LINKS) this.#early.push(message)
      return
    }
    const { from } = message
    const link = this.#links.get(from) ?? {
      state: newLink({ ...this.#own, revision: this.#revision }),
      number: 0,
    }
    this.#links.delete(from)
    this.#links.set(from, link)
    if (this.#links.size > MAX_LINKS) this.#links.delete(this.#links.keys().next().value as number)
    if (message.kind === 'hello' && message.type !== this.#replica.type) {
      link.state = { ...link.state, failed: 'type' }
      this.#send(from, link, { type: 'send', body: { kind: 'refusal', problem: 'type' } })
      this.#fail('type')
      return
    }
    this.#feed(from, link, { type: 'message', message })
  }

  push(): void {
    if (!this.#isLive || this.#isClosed) return
    this.#then(
      () => this.#replica.read(),
      (own) => this.#changed(own),
    )
  }

  tick(): void {
    if (this.#links.size === 0) {
      if (this.isWaiting) this.#broadcast(true)
      return
    }
    for (const [peer, link] of this.#links) this.#feed(peer, link, { type: 'tick' })
  }

  close(): void {
    this.#isClosed = true
    this.#links.clear()
    this.#settle.reject(new SyncError('closed', this.#document))
  }

  /** To whoever listens: nobody has been heard yet. */
  #broadcast(asks: boolean): void {
    const { version } = this.#own as ReplicaVersion
    this.#context.send({
      kind: 'hello',
      document: this.#document,
      from: this.#session,
      to: ANYBODY,
      number: ++this.#broadcasts,
      asks,
      type: this.#replica.type,
      version,
    })
  }

  /** Tells all links, but the one it came from. */
  #changed(own: ReplicaVersion, except?: number): void {
    this.#own = own
    const revision = ++this.#revision
    for (const [peer, link] of this.#links) {
      if (peer !== except) this.#feed(peer, link, { type: 'changed', ...own, revision })
    }
  }

  #feed(peer: number, link: Link, event: LinkEvent): void {
    const [state, effects] = step(link.state, event, this.#context.limits)
    link.state = state
    for (const effect of effects) this.#do(peer, link, effect)
    if (isInSync(link.state)) this.#settle.resolve()
    // A tick is not news: the next one comes later than this one did.
    if (event.type !== 'tick' && isWaiting(link.state, this.#context.limits)) this.#context.wake()
  }

  #do(peer: number, link: Link, effect: LinkEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(peer, link, effect)
      case 'diff':
        return this.#diff(peer, link, effect.since)
      case 'merge':
        return this.#merge(peer, link, effect.bytes)
      case 'failed':
        return this.#fail(effect.problem, effect.cause)
      default:
        return effect satisfies never
    }
  }

  #send(peer: number, link: Link, { body }: LinkEffect & { type: 'send' }): void {
    // Above the number of any broadcast before.
    link.number = Math.max(link.number, this.#broadcasts) + 1
    const address = { document: this.#document, from: this.#session, to: peer, number: link.number }
    const message = body.kind === 'hello' ? { ...body, type: this.#replica.type } : body
    this.#context.send({ ...message, ...address })
  }

  #diff(peer: number, link: Link, since: VersionVector): void {
    const revision = this.#revision
    this.#then(
      () => this.#replica.read(since),
      (read) =>
        this.#feed(peer, link, { type: 'diffed', version: read.version, delta: read.delta, revision }),
    )
  }

  #merge(peer: number, link: Link, bytes: Uint8Array): void {
    const merge = (): ReturnType<SyncReplica['merge']> => {
      try {
        return this.#replica.merge(bytes)
      } catch (cause) {
        return Promise.reject(cause)
      }
    }
    this.#then(
      merge,
      (own) => {
        if (own.changed) this.#changed(own, peer)
        this.#feed(peer, link, {
          type: 'merged',
          version: own.version,
          hasGaps: own.hasGaps,
          revision: this.#revision,
        })
        if (own.changed) this.#onMerge?.()
      },
      (cause) => this.#feed(peer, link, { type: 'unreadable', cause }),
    )
  }

  #fail(problem: SyncProblem, cause?: unknown): void {
    const error = new SyncError(problem, this.#document, cause)
    this.#settle.reject(error)
    this.#context.onError(error)
  }

  /** At once for a CRDT, later for a store. */
  #then<T>(work: () => T | Promise<T>, done: (value: T) => void, failed?: (cause: unknown) => void): void {
    const onError = (cause: unknown): void => {
      if (this.#isClosed) return
      if (failed === undefined) this.#fail('unreadable', cause)
      else failed(cause)
    }
    const answer = work()
    if (answer instanceof Promise) void this.#later(answer, done, onError)
    else done(answer)
  }

  async #later<T>(
    answer: Promise<T>,
    done: (value: T) => void,
    failed: (cause: unknown) => void,
  ): Promise<void> {
    let value: T
    try {
      value = await answer
    } catch (cause) {
      failed(cause)
      return
    }
    if (!this.#isClosed) done(value)
  }
}
