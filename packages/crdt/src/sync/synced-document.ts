import type { VersionVector } from '@quorate/vector-clock'
import { SyncError, type SyncProblem } from './errors.ts'
import { isInSync, isSilent, isWaiting, type LinkLimits, type LinkState, newLink } from './link-state.ts'
import { type LinkEffect, type LinkEvent, step } from './link.ts'
import { ANYBODY, type Hello, type Message } from './message.ts'
import { OwnDigest } from './own-digest.ts'
import type { ReplicaReading, ReplicaVersion, SyncReplica } from './replica.ts'
import { callSafely, isStoreError, whenDone } from './work.ts'

/** Peers of one document over one channel; the one that was silent longest makes room. */
const MAX_LINKS = 64

/** What a document needs of its channel. */
export interface DocumentContext {
  readonly limits: LinkLimits
  /** False if the message is too large to be sent. */
  readonly send: (message: Message) => boolean
  /** Bytes of parts that wait for others, of all documents of the channel. */
  readonly gathered: { bytes: number; readonly maxBytes: number }
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
  onClosed: (() => void) | undefined
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
  /** The replica is being read because it has changed; and it has changed again since. */
  #reading: 'no' | 'once' | 'again' = 'no'
  /** Its version does not fit into a message. */
  #isTooLarge = false
  /** Whom was asked has no such document, or nobody answered: until something is heard, only a push asks again. */
  #isAlone = false
  #isClosed = false
  readonly #digest: OwnDigest
  #isSettled = false
  readonly #settle: { resolve: () => void; reject: (reason: unknown) => void }

  constructor(
    document: string,
    replica: SyncReplica,
    facts: {
      readonly session: number
      readonly isLive: boolean
      readonly onMerge?: (() => void) | undefined
      /** It is opened because of this. */
      readonly asked?: Message | undefined
    },
    context: DocumentContext,
  ) {
    this.#document = document
    this.#replica = replica
    this.#session = facts.session
    this.#isLive = facts.isLive
    this.#onMerge = facts.onMerge
    this.#context = context
    this.#digest = new OwnDigest((done) => {
      // Then the message counts as lost: it is asked for again.
      const failed = (cause: unknown): void => context.onError(new SyncError('unreadable', document, cause))
      this.#then(() => replica.read(), done, failed)
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.synced = promise
    this.#settle = {
      resolve: () => {
        this.#isSettled = true
        resolve()
      },
      reject: (reason) => {
        this.#isSettled = true
        reject(reason)
      },
    }
    // Whoever does not wait for it does not have to catch it.
    promise.catch(() => {})
    this.#read((own) => this.#begin(own, facts.asked))
  }

  /** True if a tick would do something. */
  get isWaiting(): boolean {
    if (this.#own === undefined || this.#isClosed || this.#isTooLarge) return false
    if (this.#links.size === 0) return !this.#isAlone
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
    if (message.kind === 'refusal' && message.problem === 'unknown-document') {
      this.#onUnknown()
      return
    }
    this.#isAlone = false
    if (message.kind === 'hello' && this.#mayDiffer(message)) this.#compare(message)
    else this.#take(message)
  }

  /** @param isOther the contents are not those of the peer, though the versions are equal. */
  #take(message: Message, isOther = false): void {
    const { from } = message
    if (message.kind === 'part' && !this.#makeRoom(from, message.bytes.length)) return
    const link = this.#links.get(from) ?? {
      state: newLink({ ...(this.#own as ReplicaVersion), revision: this.#revision }),
      number: 0,
    }
    this.#links.delete(from)
    this.#links.set(from, link)
    if (this.#links.size > MAX_LINKS) this.#forget(this.#links.keys().next().value as number)
    const isOtherType = message.kind === 'hello' && message.type !== this.#replica.type
    if (isOtherType || isOther) {
      const problem = isOtherType ? 'type' : 'diverged'
      const isNew = link.state.failed === undefined
      this.#setState(link, { ...link.state, failed: problem, flight: undefined, inbox: undefined })
      this.#send(from, link, { type: 'send', body: { kind: 'refusal', problem } })
      if (isNew) this.#fail(problem)
      return
    }
    this.#feed(from, link, { type: 'message', message })
  }

  push(): void {
    if (!this.#isLive || this.#isClosed) return
    // It may be that it could not be read when it was opened.
    if (this.#reading === 'no') {
      this.#read((own) => (this.#own === undefined ? this.#begin(own) : this.#changed(own)))
    } else this.#reading = 'again'
  }

  tick(): void {
    const { limits } = this.#context
    if (this.#links.size > 0) {
      for (const [peer, link] of this.#links) this.#feed(peer, link, { type: 'tick' })
      const isOver = [...this.#links.values()].some(({ state }) => isSilent(state, limits)) && !this.isWaiting
      if (isOver && !this.#isSettled) this.#fail('silent')
    } else if (this.#broadcasts <= limits.maxSilence) {
      if (this.isWaiting) this.#broadcast(true)
    } else if (this.isWaiting) {
      // The last question has had its time, too.
      this.#isAlone = true
      if (!this.#isSettled) this.#fail('silent')
    }
  }

  /** @param reason why `synced` rejects, if it is still open. */
  close(reason: unknown = new SyncError('closed', this.#document)): void {
    this.#isClosed = true
    this.onClosed?.()
    for (const peer of this.#links.keys()) this.#forget(peer)
    this.#early.length = 0
    this.#settle.reject(reason)
  }

  /** Among several peers on a bus, another one may have it: what is known of that one counts. */
  #onUnknown(): void {
    if (this.#links.size > 0 || this.#isAlone) return
    this.#isAlone = true
    this.#fail('unknown-document')
  }

  #mayDiffer({ type, version, digest }: Hello): boolean {
    const own = this.#own as ReplicaVersion
    return (
      digest !== undefined &&
      type === this.#replica.type &&
      !own.hasGaps &&
      own.version.compare(version) === 'equal'
    )
  }

  /** Two writers with one name: without this, they would count as in sync and differ for ever. */
  #compare(message: Hello): void {
    this.#digest.ensure(message.version, () => {
      const digest = this.#digestAt(message.version)
      this.#take(message, digest !== undefined && digest !== message.digest)
    })
  }

  /** If it is known, and may be compared. */
  #digestAt(version: VersionVector): number | undefined {
    return this.#own?.hasGaps === true ? undefined : this.#digest.at(version)
  }

  /** One read at a time, however often the replica changes meanwhile. */
  #read(done: (own: ReplicaReading) => void): void {
    this.#reading = 'once'
    const end = (): void => {
      const again = this.#reading === 'again'
      this.#reading = 'no'
      if (again) this.push()
    }
    this.#then(
      () => this.#replica.read(),
      (own) => {
        done(own)
        end()
      },
      (cause) => {
        this.#fail('unreadable', cause)
        end()
      },
    )
  }

  #begin(own: ReplicaReading, asked?: Message): void {
    const { version, hasGaps } = own
    this.#own = { version, hasGaps }
    // Who is asked knows the version of the other: there is nothing to compare if it is not the same.
    const hellos = [asked, ...this.#early].filter((message) => message?.kind === 'hello')
    const mayBeEqual = hellos.some((hello) => hello.version.compare(version) === 'equal')
    if (mayBeEqual || hellos.length === 0) this.#digest.note(own)
    this.#sayHello(false)
    this.#context.wake()
    for (const message of this.#early.splice(0)) this.receive(message)
  }

  /** @returns false if there is no memory for so many more bytes of parts: they count as lost. */
  #makeRoom(peer: number, bytes: number): boolean {
    const { gathered } = this.#context
    for (const [other, link] of this.#links) {
      if (gathered.bytes + bytes <= gathered.maxBytes) break
      // It gets them once more, later.
      if (other !== peer) this.#setState(link, { ...link.state, inbox: undefined })
    }
    return gathered.bytes + bytes <= gathered.maxBytes
  }

  #forget(peer: number): void {
    const link = this.#links.get(peer)
    if (link !== undefined) this.#setState(link, { ...link.state, inbox: undefined })
    this.#links.delete(peer)
  }

  #setState(link: Link, state: LinkState): void {
    this.#context.gathered.bytes += (state.inbox?.bytes ?? 0) - (link.state.inbox?.bytes ?? 0)
    link.state = state
  }

  /** To whoever listens: nobody has been heard yet. */
  #broadcast(asks: boolean): void {
    const { version, hasGaps } = this.#own as ReplicaVersion
    if (hasGaps) this.#sayHello(asks)
    else this.#digest.ensure(version, () => this.#sayHello(asks))
  }

  #sayHello(asks: boolean): void {
    const { version } = this.#own as ReplicaVersion
    const isSent = this.#context.send({
      kind: 'hello',
      document: this.#document,
      from: this.#session,
      to: ANYBODY,
      number: ++this.#broadcasts,
      asks,
      type: this.#replica.type,
      version,
      digest: this.#digestAt(version),
    })
    if (isSent || this.#isTooLarge) return
    this.#isTooLarge = true
    this.#fail('too-large')
  }

  /** Tells all links, but the one it came from. */
  #changed(own: ReplicaVersion, except?: number): void {
    const { version, hasGaps } = own
    // No more of it: a copy of a document of a store may hang on the rest.
    this.#own = { version, hasGaps }
    // Nobody answered for so long that nobody was asked any more.
    const isOver = this.#isAlone || this.#broadcasts > this.#context.limits.maxSilence
    if (this.#links.size === 0 && isOver) this.#broadcast(true)
    const revision = ++this.#revision
    for (const [peer, link] of this.#links) {
      if (peer !== except) this.#feed(peer, link, { type: 'changed', version, hasGaps, revision })
    }
  }

  #feed(peer: number, link: Link, event: LinkEvent): void {
    // What is late finds that there is no such link any more.
    if (this.#links.get(peer) !== link) return
    const [state, effects] = step(link.state, event, this.#context.limits)
    this.#setState(link, state)
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
    const message =
      body.kind === 'hello'
        ? { ...body, type: this.#replica.type, digest: this.#digestAt(body.version) }
        : body
    if (this.#context.send({ ...message, ...address }) || link.state.failed !== undefined) return
    this.#setState(link, { ...link.state, failed: 'too-large', flight: undefined, inbox: undefined })
    this.#fail('too-large')
  }

  #diff(peer: number, link: Link, since: VersionVector): void {
    const revision = this.#revision
    this.#then(
      () => this.#replica.read(since),
      ({ version, delta }) => this.#feed(peer, link, { type: 'diffed', version, delta, revision }),
      (cause) => {
        this.#feed(peer, link, { type: 'undone', effect: 'diff' })
        this.#fail('unreadable', cause)
      },
    )
  }

  #merge(peer: number, link: Link, bytes: Uint8Array): void {
    this.#then(
      () => this.#replica.merge(bytes),
      (own) => {
        if (own.changed) this.#changed(own, peer)
        this.#feed(peer, link, {
          type: 'merged',
          version: own.version,
          hasGaps: own.hasGaps,
          revision: this.#revision,
        })
        if (own.changed) callSafely(this.#onMerge)
      },
      (cause) => {
        // A store that is not there just now says nothing about what came: it comes again.
        if (!isStoreError(cause)) {
          this.#feed(peer, link, { type: 'unreadable', cause })
          return
        }
        this.#feed(peer, link, { type: 'undone', effect: 'merge' })
        this.#context.onError(new SyncError('unreadable', this.#document, cause))
      },
    )
  }

  #fail(problem: SyncProblem, cause?: unknown): void {
    const error = new SyncError(problem, this.#document, cause)
    this.#settle.reject(error)
    this.#context.onError(error)
  }

  /** What comes after it was closed is left alone. */
  #then<T>(work: () => T | Promise<T>, done: (value: T) => void, failed: (cause: unknown) => void): void {
    const ifOpen =
      <A>(callback: (argument: A) => void) =>
      (argument: A): void => {
        if (!this.#isClosed) callback(argument)
      }
    whenDone(work, ifOpen(done), ifOpen(failed))
  }
}
