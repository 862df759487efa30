import type { VersionVector } from '@quorate/vector-clock'
import type { Delta } from '../crdt.ts'
import type { AnyCrdt } from '../store.ts'
import type { Committed, Position } from './backend.ts'
import type { Call } from './call.ts'
import { EditedDocument } from './edited-document.ts'
import { forCall, StoreBusyError, type StoreError } from './errors.ts'
import { LocalCopy } from './local-copy.ts'
import { inTime, isFinal, outcomeOf, storeError, type StoreParts } from './store-parts.ts'

/** Calls that share one write, at most: a bound on how long the first of them waits for the others to be applied. */
const MAX_GROUP = 1_000
const FIRST_PAUSE_MS = 2
const MAX_PAUSE_MS = 100

/** How new the copy is: from before the calls, read since they came, and that as durable as a write. */
type Look = 'old' | 'fresh' | 'durable'

/** What a group of calls did to the copy. */
interface Round<C extends AnyCrdt> {
  /** What the copy had without them. */
  readonly before: VersionVector
  readonly delta: Delta
  readonly calls: ReadonlyArray<Call<C>>
}

/** What became of a round. */
interface Stored<C extends AnyCrdt> {
  /** Those whose work is stored. The others must be applied again: the copy is another one now. */
  readonly done: ReadonlyArray<Call<C>>
  /**
   * Why again: somebody else wrote first (`apply`); merges, to make sure that all of their source is there (`merge`);
   * nothing was to be written, but there was news (`look`).
   */
  readonly next: 'end' | 'apply' | 'merge' | 'look'
}

/**
 * One document of a store in this process: a copy, and the calls that wait. One round at a time: apply what waits to the
 * copy, write once, answer.
 */
export class StoredDocument<C extends AnyCrdt> {
  readonly #key: string
  readonly #parts: StoreParts<C>
  readonly #copy: LocalCopy<C>
  #waiting: Call<C>[] = []
  #isRunning = false

  constructor(key: string, parts: StoreParts<C>) {
    this.#key = key
    this.#parts = parts
    this.#copy = new LocalCopy(key, parts)
  }

  get isIdle(): boolean {
    return !this.#isRunning
  }

  /** @param onIdle called when nothing waits any more. */
  enqueue(call: Call<C>, onIdle: () => void): void {
    if (this.#waiting.length >= this.#parts.maxWaiting) {
      call.reject(new StoreBusyError(this.#key, `${this.#waiting.length} calls wait for it`))
      return
    }
    this.#waiting.push(call)
    if (!this.#isRunning) void this.#run().then(onIdle)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    // Those that come in the same turn share the first round.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MAX_GROUP)
      const [deletes, edits, loads] = [
        group.filter(({ kind }) => kind === 'delete'),
        group.filter(({ kind }) => kind === 'edit' || kind === 'merge'),
        group.filter(({ kind }) => kind === 'load'),
      ]
      await this.#guard(deletes, () => this.#delete(deletes))
      const isFresh = await this.#guard(edits, () => this.#edit(edits))
      await this.#guard(loads, () => this.#load(loads, isFresh))
    }
    // In the same step as the look at the queue: what comes later starts again.
    this.#isRunning = false
  }

  /** @returns true if there were calls and all went well. */
  async #guard(calls: ReadonlyArray<Call<C>>, work: () => Promise<void>): Promise<boolean> {
    if (!calls.some(({ isOpen }) => isOpen)) return false
    try {
      await work()
      return true
    } catch (error) {
      this.#copy.drop()
      for (const call of calls) call.reject(forCall(this.#key, error, call))
      return false
    }
  }

  async #delete(calls: ReadonlyArray<Call<C>>): Promise<void> {
    this.#copy.drop()
    for (const call of calls) call.sent = new Uint8Array()
    try {
      const existed = await inTime(this.#parts, 'delete', this.#parts.backend.remove(this.#key))
      calls.forEach((call, index) => call.resolve(existed && index === 0))
    } catch (cause) {
      throw storeError('delete', this.#key, cause)
    }
  }

  async #load(calls: ReadonlyArray<Call<C>>, isFresh: boolean): Promise<void> {
    if (!isFresh || !this.#copy.isThere) await this.#copy.read(false)
    for (const call of calls) call.resolve(this.#forCaller())
  }

  async #edit(calls: ReadonlyArray<Call<C>>): Promise<void> {
    const { maxAttempts } = this.#parts
    const copy = this.#copy
    let look: Look = 'old'
    let conflicts = 0
    let owed: Delta | undefined
    while (calls.some(({ isOpen }) => isOpen)) {
      if (!copy.isThere) {
        await copy.read(false)
        look = 'fresh'
      }
      const round = this.#apply(calls, look)
      if (round === undefined) continue
      const { done, next } = await this.#store(round, look)
      look = copy.isThere ? 'durable' : 'old'
      this.#answer(owed === undefined ? round.delta : owed.merge(round.delta), done)
      await copy.compact()
      if (next === 'merge') {
        owed = owed === undefined ? round.delta : owed.merge(round.delta)
        for (const call of round.calls) call.wasNew ||= call.result === true
      }
      if (next !== 'apply') continue
      if (++conflicts >= maxAttempts) {
        throw new StoreBusyError(this.#key, `others wrote first ${conflicts} times`)
      }
      // The first one is bad luck, more are a crowd.
      if (conflicts > 1) await this.#pause(conflicts)
    }
  }

  /**
   * Applies what is open.
   *
   * @returns `undefined` if the copy cannot be used for it: it is old and an edit has refused it, or it is spoilt by an
   *   edit that threw halfway.
   */
  #apply(calls: ReadonlyArray<Call<C>>, look: Look): Round<C> | undefined {
    const { document } = this.#copy
    const before = document.version
    let version = before
    const open = calls.filter(({ isOpen }) => isOpen)
    for (const call of open) {
      try {
        const result = call.run(document)
        call.result = call.wasNew || result
        version = document.version
      } catch (error) {
        // Others may have written what it misses: nothing is refused but by the newest.
        if (look === 'old') {
          this.#copy.drop()
          return undefined
        }
        call.reject(error)
        // A merge that is refused has changed nothing; nor have most edits, which look before they do anything.
        if (call.kind === 'merge') continue
        if (!document.hasGaps && document.version.compare(version) === 'equal') continue
        this.#copy.drop()
        return undefined
      }
    }
    return { before, delta: document.deltaSince(before), calls: open.filter(({ isOpen }) => isOpen) }
  }

  async #store({ before: base, delta, calls }: Round<C>, look: Look): Promise<Stored<C>> {
    const rewrite = calls.some((call) => call.rewrite)
    if (delta.isEmpty && !rewrite) {
      const isNewest = look === 'durable' || !(await this.#copy.read(true))
      return isNewest ? { done: calls, next: 'end' } : { done: [], next: 'look' }
    }
    const { names, mode } = this.#parts
    const { document, position } = this.#copy
    const { replica } = document
    const before = names.sent(this.#key, replica)
    const sent = Math.max(before, document.version.get(replica))
    const bytes = delta.encode()
    names.note(this.#key, replica, sent)
    for (const call of calls) call.sent = call.source ?? bytes
    const edits = calls.filter(({ kind }) => kind === 'edit')
    // A caller who gave up may bring about the whole round with its bytes, under its names of events.
    const isOut = (): boolean => sent > before && edits.some(({ isOpen }) => !isOpen)
    const unknown = (cause: unknown): StoreError =>
      storeError('edit', this.#key, cause, { outcome: 'unknown', delta: bytes })
    let reply: Committed
    try {
      reply = await this.#copy.commit(rewrite ? 'replace' : mode, bytes)
    } catch (cause) {
      if (outcomeOf(cause) === 'unknown') {
        const end = await this.#makeSure({ bytes, replica, position, before, sent, cause, retry: !rewrite })
        // What was merged is merged again: the delta had only what was new in a copy whose history may be gone.
        if (end === 'written') return { done: edits, next: 'merge' }
        if (end === 'unknown' || isOut()) throw unknown(cause)
        return this.#again(calls)
      }
      if (isOut()) throw unknown(cause)
      names.note(this.#key, replica, before)
      // At once: a caller who gives up before the error reaches him must not get bytes that are void.
      for (const call of calls) call.sent = undefined
      throw storeError('edit', this.#key, cause)
    }
    if (reply.isWritten) return { done: calls, next: 'end' }
    const held = this.#copy.adoptAs(replica, reply.stored)
    // The driver may have sent it twice, and the second one came too late.
    if (sent > before && held >= sent) return { done: edits, next: 'merge' }
    if (isOut())
      throw unknown(new Error('others wrote first, and a caller who gave up has the bytes of the write'))
    // Or the first one came to a server that was behind, as its history shows. A name of which nothing is stored may as
    // well be another.
    if (before > 0 && this.#copy.document.version.dominates(base)) names.note(this.#key, replica, before)
    this.#copy.rename()
    return this.#again(calls)
  }

  /** Nothing of the round was written, so it is applied again to what is there now. */
  #again(calls: ReadonlyArray<Call<C>>): Stored<C> {
    for (const call of calls) call.sent = undefined
    return { done: [], next: 'apply' }
  }

  /**
   * Brings about a write of unknown outcome. To send the same bytes again is safe: merged twice they are the same. But an
   * edit that sees the newest must see what others wrote since: then it is to be applied again, under another name. The
   * first one can not come any more, as the document does not stand any more where it was sent to.
   */
  async #makeSure(write: {
    readonly bytes: Uint8Array
    readonly replica: string
    /** Where it was sent to. */
    readonly position: Position | undefined
    /** Counters of the last edit of the replica without and with the write. */
    readonly before: number
    readonly sent: number
    readonly cause: unknown
    readonly retry: boolean
  }): Promise<'written' | 'overtaken' | 'unknown'> {
    const { bytes, replica, before, sent } = write
    const { mode, maxRetries } = this.#parts
    let last = write.cause
    const retries = write.retry ? maxRetries : 0
    for (let retry = 1; retry <= retries && !isFinal(last); retry++) {
      await this.#pause(retry + 2)
      try {
        const held = await this.#copy.readAs(replica)
        if (held >= sent && sent > before) return 'written'
        // Its history is gone, and nobody can say who has seen the first one.
        if (held < before) break
        if (mode === 'replace' && sent > before && this.#copy.position !== write.position) {
          this.#copy.drop()
          return 'overtaken'
        }
        this.#copy.document.merge(bytes)
        if ((await this.#copy.commit(mode, bytes)).isWritten) return 'written'
      } catch (error) {
        last = error
      }
    }
    return 'unknown'
  }

  #answer(delta: Delta, calls: ReadonlyArray<Call<C>>): void {
    if (calls.length === 0) return
    const document = this.#forCaller()
    const { names } = this.#parts
    const isOnly = calls.length === 1
    for (const call of calls) call.resolve(new EditedDocument(document, delta, call.result, names, isOnly))
  }

  #forCaller(): C {
    return this.#copy.document.clone({ replica: this.#parts.names.reader() }) as C
  }

  /** Half of it is by chance, so that those who met once do not meet again. */
  async #pause(turn: number): Promise<void> {
    const { clock, random } = this.#parts
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(turn, 10), MAX_PAUSE_MS)
    await clock.sleep(ms * (0.5 + random() / 2))
  }
}
