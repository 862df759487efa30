import type { AnyCrdt } from '../store.ts'
import type { Committed, Position, Stored } from './backend.ts'
import { inTime, isFinal, storeError, type StoreParts } from './store-parts.ts'
import { drawName } from './writer-names.ts'

/** What this process has of a document, and where in its history that is. Dropped whenever it may hold what is not stored. */
export class LocalCopy<C extends AnyCrdt> {
  readonly #key: string
  readonly #parts: StoreParts<C>
  #document: C | undefined
  #position: Position | undefined

  constructor(key: string, parts: StoreParts<C>) {
    this.#key = key
    this.#parts = parts
  }

  get isThere(): boolean {
    return this.#document !== undefined
  }

  /** Only if it is there. */
  get document(): C {
    return this.#document as C
  }

  drop(): void {
    this.#document = undefined
    this.#position = undefined
  }

  /** Brings the copy up to date. @returns true if there was anything new. @throws StoreError, DecodeError */
  async read(isDurable: boolean): Promise<boolean> {
    const have = this.isThere ? this.#position : undefined
    let stored: Stored | undefined
    try {
      stored = await inTime(this.#parts, 'read', this.#parts.backend.read(this.#key, have, { isDurable }))
    } catch (cause) {
      // Final: it was read, and is not as durable as it should be.
      throw storeError('read', this.#key, cause, { outcome: isFinal(cause) ? 'unknown' : 'not-applied' })
    }
    if (this.isThere && stored?.position === this.#position) return false
    this.adopt(stored)
    return true
  }

  /** Takes in what was read. Under another name from now on, if it lacks what was sent under the former one. */
  adopt(stored: Stored | undefined): void {
    const { names } = this.#parts
    if (stored?.isWhole === false && this.#document !== undefined) {
      for (const part of stored.parts) this.#document.merge(part)
    } else {
      const document = this.#build(
        stored,
        names.pick(this.#key, () => Infinity),
      )
      const name = names.pick(this.#key, (replica) => document.version.get(replica))
      this.#document = name === document.replica ? document : (document.clone({ replica: name }) as C)
    }
    this.#position = stored?.position
  }

  /**
   * Makes the copy anew from what is stored, under a name of its own choice.
   *
   * @returns the counter of the last edit of that name in it.
   */
  async readAs(replica: string): Promise<number> {
    const read = this.#parts.backend.read(this.#key, undefined, { isDurable: true })
    return this.adoptAs(replica, await inTime(this.#parts, 'read', read))
  }

  /** As {@link readAs}, from what a commit found. */
  adoptAs(replica: string, stored: Stored | undefined): number {
    this.#document = this.#build(stored, replica)
    this.#position = stored?.position
    return this.#document.version.get(replica)
  }

  /** Sends the copy, or the delta that is new in it. What others wrote meanwhile comes back and is taken in. */
  async commit(mode: 'replace' | 'append', delta: Uint8Array): Promise<Committed> {
    const { backend, ttlMs, random } = this.#parts
    const bytes = mode === 'append' ? delta : this.document.encode()
    const change = { mode, base: this.#position, tag: drawName(random, 16), bytes, ttlMs }
    const reply = await inTime(this.#parts, 'edit', backend.commit(this.#key, change))
    if (!reply.isWritten || reply.stored === undefined) return reply
    for (const part of reply.stored.parts) this.document.merge(part)
    this.#position = reply.stored.position
    if (reply.stored.isLong && backend.compact !== undefined) {
      const compact = backend.compact(this.#key, this.#position, this.document.encode())
      // If it fails, the next write tries again: the edit itself is stored.
      await inTime(this.#parts, 'compact', compact).catch(() => {})
    }
    return reply
  }

  #build(stored: Stored | undefined, replica: string): C {
    const { type } = this.#parts
    const [first, ...others] = stored?.parts ?? []
    const document = first === undefined ? type.create({ replica }) : type.decode(first, { replica })
    for (const part of others) document.merge(part)
    return document
  }
}
