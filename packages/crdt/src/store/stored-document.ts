import type { Delta } from '../crdt.ts'
import type { AnyCrdt, DocumentType, Edited, StoreClock } from '../store.ts'
import { type Backend, BackendError, type Committed, type Position, type Stored } from './backend.ts'
import type { Call } from './call.ts'
import { StoreBusyError, StoreError } from './errors.ts'
import { drawName, type WriterNames } from './writer-names.ts'

/** Calls that share one write, at most: a bound on how long the first of them waits for the others to be applied. */
const MAX_GROUP = 1_000
const FIRST_PAUSE_MS = 2
const MAX_PAUSE_MS = 100

/** What all documents of a store share. */
export interface StoreParts<C extends AnyCrdt> {
  readonly backend: Backend
  readonly options: {
    readonly type: DocumentType<C>
    readonly ttlMs: number | undefined
    readonly maxAttempts: number
    readonly maxWaiting: number
    readonly maxRetries: number
    readonly timeoutMs: number
  }
  readonly mode: 'replace' | 'append'
  readonly names: WriterNames
  readonly clock: StoreClock
  readonly random: () => number
}

/** What one group of edits did to the copy. */
interface Round {
  readonly delta: Delta
  readonly calls: readonly Call<AnyCrdt>[]
}

/**
 * One document of a store in this process: a copy, and the calls that wait. One round at a time: apply what waits to the
 * copy, write once, answer. The copy is dropped whenever it may hold what is not stored.
 */
export class StoredDocument<C extends AnyCrdt> {
  readonly #key: string
  readonly #parts: StoreParts<C>
  #copy: C | undefined
  #position: Position | undefined
  #waiting: Call<C>[] = []
  #isRunning = false

  constructor(key: string, parts: StoreParts<C>) {
    this.#key = key
    this.#parts = parts
  }

  get isIdle(): boolean {
    return !this.#isRunning
  }

  /** @param onIdle called when nothing waits any more. */
  enqueue(call: Call<C>, onIdle: () => void): void {
    if (this.#waiting.length >= this.#parts.options.maxWaiting) {
      call.reject(new StoreBusyError(this.#key, `${this.#waiting.length} calls wait for it`))
      return
    }
    this.#waiting.push(call)
    if (!this.#isRunning) void this.#run().then(onIdle)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    // Those that come in the same turn share the first round.
    await undefined
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
  async #guard(calls: readonly Call<C>[], work: () => Promise<void>): Promise<boolean> {
    if (!calls.some(({ isOpen }) => isOpen)) return false
    try {
      await work()
      return true
    } catch (error) {
      this.#drop()
      for (const call of calls) call.reject(error)
      return false
    }
  }

  async #delete(calls: readonly Call<C>[]): Promise<void> {
    this.#drop()
    for (const call of calls) call.sent = new Uint8Array()
    try {
      const existed = await this.#ask('delete', this.#parts.backend.remove(this.#key))
      calls.forEach((call, index) => call.resolve(existed && index === 0))
    } catch (cause) {
      throw this.#failure('delete', outcomeOf(cause), cause)
    }
  }

  async #load(calls: readonly Call<C>[], isFresh: boolean): Promise<void> {
    if (!isFresh || this.#copy === undefined) await this.#read(false)
    for (const call of calls) call.resolve(this.#forCaller())
  }

  async #edit(calls: readonly Call<C>[]): Promise<void> {
    const { maxAttempts } = this.#parts.options
    let conflicts = 0
    while (calls.some(({ isOpen }) => isOpen)) {
      if (this.#copy === undefined) await this.#read(false)
      const round = this.#apply(calls)
      if (round === undefined) continue
      const rewrite = round.calls.some((call) => call.rewrite)
      const isDone =
        round.delta.isEmpty && !rewrite ? !(await this.#read(true)) : await this.#write(round, rewrite)
      if (isDone) return this.#answer(round)
      if (++conflicts >= maxAttempts) {
        throw new StoreBusyError(this.#key, `others wrote first ${conflicts} times`)
      }
      // The first one is bad luck, more are a crowd.
      if (conflicts > 1) await this.#pause(conflicts)
    }
  }

  /** Applies what is open. @returns `undefined` if the copy is spoilt by an edit that threw halfway. */
  #apply(calls: readonly Call<C>[]): Round | undefined {
    const copy = this.#copy as C
    const before = copy.version
    const open = calls.filter(({ isOpen }) => isOpen)
    for (const call of open) {
      try {
        call.result = call.run(copy)
      } catch (error) {
        call.reject(error)
        // A merge that is refused has changed nothing.
        if (call.kind === 'merge') continue
        this.#drop()
        return undefined
      }
    }
    return { delta: copy.deltaSince(before), calls: open.filter(({ isOpen }) => isOpen) as Call<AnyCrdt>[] }
  }

  /** @returns false if somebody else wrote first: nothing of the round was stored, and it must be applied again. */
  async #write({ delta, calls }: Round, rewrite: boolean): Promise<boolean> {
    const { names } = this.#parts
    const copy = this.#copy as C
    const before = names.sent(this.#key, copy.replica)
    const bytes = delta.encode()
    names.note(this.#key, copy.replica, Math.max(before, copy.version.get(copy.replica)))
    for (const call of calls) call.sent = bytes
    let reply: Committed
    try {
      reply = await this.#commit(rewrite ? 'replace' : this.#parts.mode, bytes)
    } catch (cause) {
      if (outcomeOf(cause) === 'unknown') {
        await this.#makeSure({ bytes, copy, before, cause, isFinal: rewrite })
        return true
      }
      names.note(this.#key, copy.replica, before)
      throw this.#failure('edit', 'not-applied', cause)
    }
    if (reply.isWritten) {
      await this.#took(reply.stored as Stored, bytes)
      return true
    }
    // The driver may have sent it twice, and the second one came too late.
    if (this.#find(reply.stored, copy, bytes)) return true
    for (const call of calls) call.sent = undefined
    names.note(this.#key, copy.replica, before)
    this.#take(this.#copy as C, reply.stored)
    return false
  }

  /**
   * Brings about a write of unknown outcome. To send the same bytes again is safe: merged twice they are the same.
   *
   * @throws StoreError if it still is unknown.
   */
  async #makeSure(write: {
    readonly bytes: Uint8Array
    readonly copy: C
    /** What had been sent under the name of the copy before. */
    readonly before: number
    readonly cause: unknown
    readonly isFinal: boolean
  }): Promise<void> {
    const { bytes, copy, before } = write
    let last = write.cause
    const retries = write.isFinal ? 0 : this.#parts.options.maxRetries
    for (let retry = 1; retry <= retries && !isFinal(last); retry++) {
      await this.#pause(retry + 2)
      try {
        const stored = await this.#ask('read', this.#parts.backend.read(this.#key, undefined, DURABLE))
        if (this.#find(stored, copy, bytes)) return
        const found = this.#copy as C
        // Its history is gone, and nobody can say who has seen the first one.
        if (found.version.get(copy.replica) < before) break
        found.merge(bytes as never)
        const reply = await this.#commit(this.#parts.mode, bytes)
        if (reply.isWritten) return await this.#took(reply.stored as Stored, bytes)
      } catch (error) {
        last = error
      }
    }
    throw this.#failure('edit', 'unknown', last, bytes)
  }

  /**
   * Starts again from what is stored, under the same name.
   *
   * @returns true if all of a delta, whose last event the former copy has, is in it.
   */
  #find(stored: Stored | undefined, former: C, delta: Uint8Array): boolean {
    const { replica } = former
    this.#copy = this.#build(stored, replica)
    this.#position = stored?.position
    // Most often the version says no, and the copy stays as it is.
    if (this.#copy.version.get(replica) < former.version.get(replica)) return false
    if (!this.#copy.merge(delta as never)) return true
    this.#copy = this.#build(stored, replica)
    return false
  }

  async #commit(mode: 'replace' | 'append', delta: Uint8Array): Promise<Committed> {
    const { backend, options, random } = this.#parts
    const bytes = mode === 'append' ? delta : (this.#copy as C).encode()
    const change = { mode, base: this.#position, tag: drawName(random, 16), bytes, ttlMs: options.ttlMs }
    return this.#ask('edit', backend.commit(this.#key, change))
  }

  /** What came back with a write of ours. */
  async #took(stored: Stored, delta: Uint8Array): Promise<void> {
    const copy = this.#copy as C
    try {
      for (const part of stored.parts) copy.merge(part as never)
    } catch (cause) {
      // What somebody else wrote cannot be read. Ours is in.
      throw this.#failure('edit', 'unknown', cause, delta)
    }
    this.#position = stored.position
    if (!stored.isLong || this.#parts.backend.compact === undefined) return
    // If it fails, the next write tries again: the edit itself is stored.
    await this.#ask('compact', this.#parts.backend.compact(this.#key, stored.position, copy.encode())).catch(
      () => {},
    )
  }

  /** Brings the copy up to date. @returns true if there was anything new in it. */
  async #read(isDurable: boolean): Promise<boolean> {
    const have = this.#copy === undefined ? undefined : this.#position
    let stored: Stored | undefined
    try {
      stored = await this.#ask('read', this.#parts.backend.read(this.#key, have, { isDurable }))
    } catch (cause) {
      throw this.#failure('read', 'not-applied', cause)
    }
    if (stored?.position === this.#position && this.#copy !== undefined) return false
    this.#adopt(stored)
    return true
  }

  #adopt(stored: Stored | undefined): void {
    if (stored?.isWhole === false && this.#copy !== undefined) {
      for (const part of stored.parts) this.#copy.merge(part as never)
      this.#position = stored.position
    } else {
      this.#take(
        this.#build(
          stored,
          this.#parts.names.pick(this.#key, () => Infinity),
        ),
        stored,
      )
    }
  }

  /** Goes on with a copy, under another name if it lacks what was sent under its own. */
  #take(copy: C, stored: Stored | undefined): void {
    const name = this.#parts.names.pick(this.#key, (replica) => copy.version.get(replica))
    this.#copy = name === copy.replica ? copy : (copy.clone({ replica: name }) as C)
    this.#position = stored?.position
  }

  #build(stored: Stored | undefined, replica: string): C {
    const { type } = this.#parts.options
    const [first, ...others] = stored?.parts ?? []
    const copy = first === undefined ? type.create({ replica }) : type.decode(first, { replica })
    for (const part of others) copy.merge(part as never)
    return copy
  }

  #answer({ delta, calls }: Round): void {
    const document = this.#forCaller()
    const { names } = this.#parts
    for (const call of calls) call.resolve(new EditedDocument(document, delta, call.result, names))
  }

  #forCaller(): C {
    return (this.#copy as C).clone({ replica: this.#parts.names.reader() }) as C
  }

  #drop(): void {
    this.#copy = undefined
    this.#position = undefined
  }

  /** Half of the pause is by chance, so that those who met once do not meet again. */
  async #pause(turn: number): Promise<void> {
    const { clock, random } = this.#parts
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(turn, 10), MAX_PAUSE_MS)
    await clock.sleep(ms * (0.5 + random() / 2))
  }

  async #ask<T>(action: string, answer: Promise<T>): Promise<T> {
    const { clock, options } = this.#parts
    const stop = new AbortController()
    const late = clock.sleep(options.timeoutMs, { signal: stop.signal }).then(
      () => {
        throw new Error(`no answer to the ${action} within ${options.timeoutMs} ms`)
      },
      () => answer,
    )
    try {
      return await Promise.race([answer, late])
    } finally {
      stop.abort()
    }
  }

  #failure(
    action: string,
    outcome: 'not-applied' | 'unknown',
    error: unknown,
    delta?: Uint8Array,
  ): StoreError {
    const cause = error instanceof BackendError ? error.cause : error
    return new StoreError({ action, key: this.#key, outcome, delta, cause })
  }
}

const DURABLE = { isDurable: true }

function outcomeOf(error: unknown): 'not-applied' | 'unknown' {
  return error instanceof BackendError ? error.outcome : 'unknown'
}

const isFinal = (error: unknown): boolean => error instanceof BackendError && error.isFinal

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
