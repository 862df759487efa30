import type { VersionVector } from '@quorate/vector-clock'
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
  /** What it had when this class was last done with it: whoever kept hold of it may have edited it since. */
  #version: VersionVector | undefined
  /** It lacks what others wrote, which it could not take in. */
  #isBroken = false
  #isLong = false

  constructor(key: string, parts: StoreParts<C>) {
    this.#key = key
    this.#parts = parts
  }

  get isThere(): boolean {
    return (
      this.#document !== undefined &&
      !this.#isBroken &&
      this.#version !== undefined &&
      this.#document.version.compare(this.#version) === 'equal'
    )
  }

  /** Only if it is there. */
  get document(): C {
    return this.#document as C
  }

  get position(): Position | undefined {
    return this.#position
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
    if (have !== undefined && !this.isThere) {
      // What is new came for a copy that is spoilt by now.
      this.drop()
      return this.read(isDurable)
    }
    this.adopt(stored)
    return true
  }

  /** Takes in what was read. Under another name from now on, if it lacks what was sent under the former one. */
  adopt(stored: Stored | undefined): void {
    if (stored?.isWhole === false && this.#document !== undefined) {
      for (const part of stored.parts) this.#document.merge(part)
      this.#keep(this.#document, stored.position)
    } else {
      this.adoptAs(
        this.#parts.names.pick(this.#key, () => Infinity),
        stored,
      )
      this.rename()
    }
  }

  /** Goes on under the name that fits what is in it. */
  rename(): void {
    const { document } = this
    const name = this.#parts.names.pick(this.#key, (replica) => document.version.get(replica))
    if (name !== document.replica) this.#document = document.clone({ replica: name }) as C
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
    this.#keep(this.#build(stored, replica), stored?.position)
    return this.document.version.get(replica)
  }

  /** Sends the copy, or the delta that is new in it. What others wrote meanwhile comes back and is taken in. */
  async commit(mode: 'replace' | 'append', delta: Uint8Array): Promise<Committed> {
    const { backend, ttlMs, random } = this.#parts
    const { document } = this
    const bytes = mode === 'append' ? delta : document.encode()
    const change = { mode, base: this.#position, tag: drawName(random, 16), bytes, ttlMs }
    this.#version = document.version
    const reply = await inTime(this.#parts, 'edit', backend.commit(this.#key, change))
    if (!reply.isWritten || reply.stored === undefined || !this.isThere) return reply
    try {
      for (const part of reply.stored.parts) document.merge(part)
    } catch {
      // The edit is stored all the same. Whoever reads the document next is told why it cannot be.
      this.#isBroken = true
      return reply
    }
    this.#keep(document, reply.stored.position)
    this.#isLong = reply.stored.isLong
    return reply
  }

  /** Folds the stored document if the last write found that it has become long. */
  async compact(): Promise<void> {
    const { backend } = this.#parts
    if (!this.#isLong || backend.compact === undefined || this.#position === undefined || !this.isThere)
      return
    this.#isLong = false
    const compact = backend.compact(this.#key, this.#position, this.document.encode())
    // If it fails, the next write tries again: the edits themselves are stored.
    await inTime(this.#parts, 'compact', compact).catch(() => {})
  }

  #keep(document: C, position: Position | undefined): void {
    this.#document = document
    this.#position = position
    this.#version = document.version
    this.#isBroken = false
    this.#isLong = false
  }

  #build(stored: Stored | undefined, replica: string): C {
    const { type } = this.#parts
    const [first, ...others] = stored?.parts ?? []
    const document = first === undefined ? type.create({ replica }) : type.decode(first, { replica })
    for (const part of others) document.merge(part)
    return document
  }
}
