import type { VersionVector } from '@quorate/vector-clock'
import type { ReplicaReading } from './replica.ts'

/** The digest of a replica's own bytes: computed when it is asked for, and kept for the version it is of. */
export class OwnDigest {
  readonly #read: (done: (own: ReplicaReading) => void) => void
  /** The last one that was computed. */
  #known: { readonly version: VersionVector; readonly value: number } | undefined

  /** @param read reads the replica; `done` is not called if that fails. */
  constructor(read: (done: (own: ReplicaReading) => void) => void) {
    this.#read = read
  }

  /** If it is known. */
  at(version: VersionVector): number | undefined {
    return this.#known?.version.compare(version) === 'equal' ? this.#known.value : undefined
  }

  /** Computes it of what was read, unless it is known. With a gap there is nothing to compare. */
  note({ version, hasGaps, digest }: ReplicaReading): void {
    const value = hasGaps || this.at(version) !== undefined ? undefined : digest?.()
    if (value !== undefined) this.#known = { version, value }
  }

  /**
   * Reads the replica if need be, then calls `done`. Of a replica that is not at this version, as when it has changed
   * and nobody has said so, the digest stays unknown.
   */
  ensure(version: VersionVector, done: () => void): void {
    if (this.at(version) !== undefined) {
      done()
      return
    }
    this.#read((own) => {
      this.note(own)
      done()
    })
  }
}
