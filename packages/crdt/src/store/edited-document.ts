import type { Delta } from '../crdt.ts'
import type { AnyCrdt, Edited } from '../store.ts'
import type { WriterNames } from './writer-names.ts'

/** Makes the caller's copy when it is asked for: a group of a thousand edits would else make a thousand. */
export class EditedDocument<C extends AnyCrdt, R> implements Edited<C, R> {
  readonly delta: Delta
  readonly result: R
  readonly #shared: C
  readonly #names: WriterNames
  #own: C | undefined

  /** @param isOnly nobody else has `shared`, so it is the caller's own. */
  constructor(shared: C, delta: Delta, result: R, names: WriterNames, isOnly: boolean) {
    this.#shared = shared
    if (isOnly) this.#own = shared
    this.delta = delta
    this.result = result
    this.#names = names
  }

  get document(): C {
    this.#own ??= this.#shared.clone({ replica: this.#names.reader() }) as C
    return this.#own
  }
}
