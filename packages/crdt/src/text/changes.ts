import { countPoints } from './ops.ts'
import type { Watcher } from './sequence.ts'

/** What to do at one place of a string to follow a change: delete, then put in. */
export interface TextChange {
  readonly index: number
  /** How many positions to delete from there on. */
  readonly deleted: number
  /** What to put in there then. */
  readonly inserted: string
}

/** A text has changed. */
export interface TextChangeEvent {
  /** Through an edit here, a merge, `undo()` or `redo()`. */
  readonly origin: 'local' | 'remote' | 'undo' | 'redo'
  /** To be applied one after the other: each index counts from the text that the ones before have left. */
  readonly changes: readonly TextChange[]
}

export type TextListener = (event: TextChangeEvent) => void

interface Draft {
  index: number
  deleted: number
  inserted: string
  /** Positions that were put in. */
  length: number
}

/** Gathers what an edit does while it happens, and tells it when it is done. */
export class Changes implements Watcher {
  readonly #inPoints: boolean
  readonly #listeners = new Set<TextListener>()
  #drafts: Draft[] = []
  readonly #queue: TextChangeEvent[] = []
  #isTelling = false

  constructor(inPoints: boolean) {
    this.#inPoints = inPoints
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0
  }

  /** Calls the listener from now on, until the function returned is called. */
  add(listener: TextListener): () => void {
    // A wrapper, so that one function added twice is called twice and taken off one at a time.
    const own: TextListener = (event) => listener(event)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  inserted(index: number, text: string): void {
    const length = this.#inPoints ? countPoints(text) : text.length
    const last = this.#drafts.at(-1)
    if (last !== undefined && last.index + last.length === index) {
      last.inserted += text
      last.length += length
    } else this.#drafts.push({ index, deleted: 0, inserted: text, length })
  }

  deleted(index: number, count: number): void {
    const last = this.#drafts.at(-1)
    if (last !== undefined && last.index + last.length === index) last.deleted += count
    else if (last !== undefined && last.length === 0 && index + count === last.index) {
      last.index = index
      last.deleted += count
    } else this.#drafts.push({ index, deleted: count, inserted: '', length: 0 })
  }

  /**
   * Tells all listeners what was gathered. A listener that throws changes nothing; one that edits the text has its
   * edit told after this one, to everybody.
   */
  tell(origin: TextChangeEvent['origin']): void {
    if (this.#drafts.length === 0) return
    const changes = this.#drafts.map(({ index, deleted, inserted }) => ({ index, deleted, inserted }))
    this.#drafts = []
    this.#queue.push({ origin, changes })
    if (this.#isTelling) return
    this.#isTelling = true
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      for (const listener of this.#listeners) {
        try {
          listener(event)
        } catch {
          // An observer must not change the result.
        }
      }
    }
    this.#isTelling = false
  }
}
