import type { Live } from '../fragment.ts'
import { IndexedDotStore } from '../indexed-dot-store.ts'
import type { Payload } from './payload.ts'
import { lastStep, parentOf } from './path.ts'

const NOTHING: ReadonlySet<string> = new Set()

/**
 * The entries of a map with all that is nested in it, by their paths: the join of nested maps is that of their
 * entries, so one join does for all.
 *
 * What is in a container is found by a tree of steps. It is made when somebody asks, and brought up to date then:
 * who only edits what he can name does not pay for it.
 */
export class PathStore extends IndexedDotStore<string, Payload> {
  /** The steps from each container that is not empty. */
  #tree: Map<string, Set<string>> | undefined
  /** Paths that may have come or gone since the tree was up to date. */
  readonly #changed = new Set<string>()

  /** The steps to what is in a container, in no order. */
  steps(container: string): ReadonlySet<string> {
    return this.#current().get(container) ?? NOTHING
  }

  /** The paths of all entries below a place, or at it. */
  *below(place: string): IterableIterator<string> {
    if (place !== '' && this.entries.has(place)) yield place
    else for (const step of this.steps(place)) yield* this.below(place + step)
  }

  protected override insert(entry: Live<string, Payload>): void {
    super.insert(entry)
    if (this.#tree !== undefined) this.#changed.add(entry.key)
  }

  protected override unlink(entry: Live<string, Payload>): void {
    super.unlink(entry)
    if (this.#tree !== undefined) this.#changed.add(entry.key)
  }

  #current(): Map<string, Set<string>> {
    if (this.#tree === undefined || this.#changed.size > this.entries.size) {
      this.#tree = new Map()
      for (const path of this.entries.keys()) add(this.#tree, path)
    } else {
      for (const path of this.#changed) {
        if (this.entries.has(path)) add(this.#tree, path)
        else remove(this.#tree, path)
      }
    }
    this.#changed.clear()
    return this.#tree
  }
}

function add(tree: Map<string, Set<string>>, path: string): void {
  for (let place = path; place !== '';) {
    const container = parentOf(place)
    const steps = tree.get(container)
    if (steps !== undefined) {
      steps.add(lastStep(place))
      return
    }
    tree.set(container, new Set([lastStep(place)]))
    place = container
  }
}

function remove(tree: Map<string, Set<string>>, path: string): void {
  for (let place = path; place !== '';) {
    const container = parentOf(place)
    const steps = tree.get(container)
    steps?.delete(lastStep(place))
    if (steps === undefined || steps.size > 0) return
    tree.delete(container)
    place = container
  }
}
