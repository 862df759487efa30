import type { Delta } from '../crdt.ts'
import type { AnyCrdt, Edited } from '../store.ts'
import type { Committed } from './backend.ts'
import type { Call } from './call.ts'
import { StoreBusyError, StoreError } from './errors.ts'
import { LocalCopy } from './local-copy.ts'
import { inTime, isFinal, outcomeOf, storeError, type StoreParts } from './store-parts.ts'
import type { WriterNames } from './writer-names.ts'

/** Calls that share one write, at most: a bound on how long the first of them waits for the others to be applied. */
const MAX_GROUP = 1_000
const FIRST_PAUSE_MS = 2
const MAX_PAUSE_MS = 100

/** What a group of calls did to the copy. */
interface Round<C extends AnyCrdt> {
  readonly delta: Delta
  readonly calls: ReadonlyArray<Call<C>>
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
      for (const call of calls) call.reject(forCall(error, call))
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
    let conflicts = 0
    while (calls.some(({ isOpen }) => isOpen)) {
      if (!this.#copy.isThere) await this.#copy.read(false)
      const round = this.#apply(calls)
      if (round === undefined) continue
      const done = await this.#store(round)
      this.#answer(round.delta, done)
      if (done.length > 0) continue
      if (++conflicts >= maxAttempts) {
        throw new StoreBusyError(this.#key, `others wrote first ${conflicts} times`)
      }
      // The first one is bad luck, more are a crowd.
      if (conflicts > 1) await this.#pause(conflicts)
    }
  }

  /** Applies what is open. @returns `undefined` if the copy is spoilt by an edit that threw halfway. */
  #apply(calls: ReadonlyArray<Call<C>>): Round<C> | undefined {
    const { document } = this.#copy
    const before = document.version
    const open = calls.filter(({ isOpen }) => isOpen)
    for (const call of open) {
      try {
        call.result = call.run(document)
      } catch (error) {
        call.reject(error)
        // A merge that is refused has changed nothing.
        if (call.kind === 'merge') continue
        this.#copy.drop()
        return undefined
      }
    }
    return { delta: document.deltaSince(before), calls: open.filter(({ isOpen }) => isOpen) }
  }

  /** @returns those whose work is stored. The others must be applied again: the copy is another one now. */
  async #store({ delta, calls }: Round<C>): Promise<ReadonlyArray<Call<C>>> {
    const rewrite = calls.some((call) => call.rewrite)
    if (delta.isEmpty && !rewrite) return (await this.#copy.read(true)) ? [] : calls

    const { names } = this.#parts
    const { replica, version } = this.#copy.document
    const before = names.sent(this.#key, replica)
    const sent = Math.max(before, version.get(replica))
    const bytes = delta.encode()
    names.note(this.#key, replica, sent)
    for (const call of calls) call.sent = call.source ?? bytes
    let reply: Committed
    try {
      reply = await this.#copy.commit(rewrite ? 'replace' : this.#parts.mode, bytes)
    } catch (cause) {
      if (outcomeOf(cause) === 'unknown') {
        await this.#makeSure({ bytes, replica, before, sent, cause, retry: !rewrite })
        return calls.filter(({ kind }) => kind === 'edit')
      }
      names.note(this.#key, replica, before)
      throw storeError('edit', this.#key, cause)
    }
    if (reply.isWritten) return calls
    // The driver may have sent it twice, and the second one came too late. What was merged is merged again: the delta
    // had only what was new in a copy whose history may be gone.
    if (sent > before && this.#copy.adoptAs(replica, reply.stored) >= sent) {
      return calls.filter(({ kind }) => kind === 'edit')
    }
    for (const call of calls) call.sent = undefined
    names.note(this.#key, replica, before)
    this.#copy.drop()
    this.#copy.adopt(reply.stored)
    return []
  }

  /**
   * Brings about a write of unknown outcome. To send the same bytes again is safe: merged twice they are the same.
   *
   * @throws StoreError if it still is unknown.
   */
  async #makeSure(write: {
    readonly bytes: Uint8Array
    readonly replica: string
    /** Counters of the last edit of the replica without and with the write. */
    readonly before: number
    readonly sent: number
    readonly cause: unknown
    readonly retry: boolean
  }): Promise<void> {
    const { bytes, replica, before, sent } = write
    let last = write.cause
    const retries = write.retry ? this.#parts.maxRetries : 0
    for (let retry = 1; retry <= retries && !isFinal(last); retry++) {
      await this.#pause(retry + 2)
      try {
        const held = await this.#copy.readAs(replica)
        if (held >= sent && sent > before) return
        // Its history is gone, and nobody can say who has seen the first one.
        if (held < before) break
        this.#copy.document.merge(bytes)
        if ((await this.#copy.commit(this.#parts.mode, bytes)).isWritten) return
      } catch (error) {
        last = error
      }
    }
    throw storeError('edit', this.#key, last, { outcome: 'unknown', delta: bytes })
  }

  #answer(delta: Delta, calls: ReadonlyArray<Call<C>>): void {
    if (calls.length === 0) return
    const document = this.#forCaller()
    const { names } = this.#parts
    for (const call of calls) call.resolve(new EditedDocument(document, delta, call.result, names))
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

/** Whoever merged has more than was new in it: the whole source is what makes sure. */
function forCall<C extends AnyCrdt>(error: unknown, { source }: Call<C>): unknown {
  if (!(error instanceof StoreError) || error.outcome !== 'unknown' || source === undefined) return error
  return new StoreError({
    action: 'merge',
    key: error.key,
    outcome: 'unknown',
    delta: source,
    cause: error.cause,
  })
}

/** Makes the caller's copy when it is asked for: a group of a thousand edits would else make a thousand. */
class EditedDocument<C extends AnyCrdt, R> implements Edited<C, R> {
  readonly delta: Delta
  readonly result: R
  readonly #shared: C
  readonly #names: WriterNames
  #own: C | undefined

  constructor(shared: C, delta: Delta, result: R, names: WriterNames) {
    this.#shared = shared
    this.delta = delta
    this.result = result
    this.#names = names
  }

  get document(): C {
    this.#own ??= this.#shared.clone({ replica: this.#names.reader() }) as C
    return this.#own
  }
}
