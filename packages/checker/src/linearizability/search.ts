import { Candidates } from './candidates.ts'
import { Configuration, unfolded } from './configuration.ts'
import type { Meter } from './meter.ts'
import type { Part } from './part.ts'
import type { Problem } from './problem.ts'
import { Visited } from './visited.ts'

/** What deciding a {@link Problem} came to. */
export interface Decision {
  readonly verdict: 'ok' | 'violated' | 'unknown'
  /** The longest order found that the model allows, as places in the part; if `ok`, it is the proof. */
  readonly order: readonly number[]
  /** State after `order`. */
  readonly state: number
  /** All operations that complete before this one are in `order`. */
  readonly frontier: number
  /** Is `frontier` as far as any order goes? */
  readonly isFurthest: boolean
  /** How many situations were looked at. */
  readonly configurations: number
}

/** Options of {@link search}. */
export interface SearchOptions {
  readonly hasForesight?: boolean
  readonly maxConfigurations?: number
}

const CHECK_EVERY = 1 << 14

/**
 * Searches for an order: the algorithm of Wing and Gong (1993) with the memory of Lowe ("Testing for
 * linearizability", 2017), as in Porcupine and Knossos; depth first, without recursion, with these reductions.
 * Each keeps a legal order if there is one:
 *
 * 1. *Just in time* (Lowe): operations are placed only while the next one to complete is not, and until it is.
 * 2. A pure read is placed as soon as it is legal: it is in nobody's way.
 * 3. Of operations of one class only the one that completes first is tried, one that never completes last: in an
 *    order that has two of them the other way round, they can change places.
 * 4. A blind write that nobody sees is passed over until it is the next to complete, and then goes right before the
 *    last blind write, if that was placed while it was open. So a blind write is tried early only if it makes
 *    something legal.
 * 5. A configuration is left if an earlier one can do all that it can (`visited.ts`).
 * 6. A state from which one of the next reads can never be legal is left (`Model.lookahead`).
 * 7. With `hasForesight`, so is one that operations to come need, and nothing to come leads to (`balance.ts`).
 *
 * @param maxConfigurations then it is given up.
 */
export function search<S>(
  part: Part<S>,
  problem: Problem,
  meter: Meter,
  { hasForesight = false, maxConfigurations = Infinity }: SearchOptions = {},
): Decision {
  const at = new Configuration(part, problem, hasForesight)
  const candidates = new Candidates(at)
  const visited = new Visited(at)
  const best = new Best(problem.count)
  const frames = new Frames(at.savedLength)

  const decision = (verdict: Decision['verdict']): Decision => {
    const order = unfolded(part, problem, best.orderOf(at))
    return { verdict, order, state: stateAfter(part, order), ...reached() }
  }
  const reached = (): Pick<Decision, 'frontier' | 'isFurthest' | 'configurations'> => ({
    frontier: best.frontier,
    isFurthest: part.reaches === undefined && !hasForesight,
    configurations: visited.size,
  })
  const fixedBytes = part.operations.length * 40 + problem.count * 40 + problem.slots * 20

  let checkedAt = 0
  for (;;) {
    best.see(at)
    if (at.isDone) return decision('ok')
    const size = at.isDead || candidates.isHopeless() || !visited.add() ? 0 : candidates.list()
    let choice: number | undefined
    if (size > 0) {
      choice = candidates.choices[0]!
      if (size > 1) frames.push(at)
    } else {
      best.keep(at)
      choice = frames.next(at, candidates)
      if (choice === undefined) return decision('violated')
      best.wentBackTo(at.length)
    }
    candidates.work += 8
    if (candidates.work - checkedAt > CHECK_EVERY) {
      checkedAt = candidates.work
      const bytes = visited.bytes + part.transitions.bytes + frames.bytes + fixedBytes
      if (meter.isExhausted(bytes) || visited.size > maxConfigurations) return decision('unknown')
    }
    at.apply(choice)
  }
}

/** The search may stand for several states with one (`Part.lost`). */
function stateAfter<S>({ initial, transitions, cls }: Part<S>, order: readonly number[]): number {
  return order.reduce((state, place) => transitions.next(state, cls[place]!), initial)
}

/** Configurations to come back to, with what is still to be tried there. */
class Frames {
  readonly #stride: number
  #saved: Int32Array<ArrayBuffer>
  #depth = 0
  #choices = new Int32Array(256)
  #choiceCount = 0

  constructor(savedLength: number) {
    this.#stride = savedLength + 2
    this.#saved = new Int32Array(this.#stride * 64)
  }

  get bytes(): number {
    return this.#saved.byteLength + this.#choices.byteLength
  }

  /** The first choice is taken without listing the others here: few of them are ever needed. */
  push<S>(at: Configuration<S>): void {
    const from = this.#depth++ * this.#stride
    if (from + this.#stride > this.#saved.length) this.#saved = grown(this.#saved)
    this.#saved[from] = -1 // the others are not listed yet
    this.#saved[from + 1] = this.#choiceCount
    at.save(this.#saved, from + 2)
  }

  /** Goes back to the last configuration with something left to try. @returns what; `undefined` if there is none. */
  next<S>(at: Configuration<S>, candidates: Candidates<S>): number | undefined {
    for (; this.#depth > 0; this.#depth--) {
      const from = (this.#depth - 1) * this.#stride
      if (this.#saved[from] === 0) {
        this.#choiceCount = this.#saved[from + 1]!
        continue
      }
      at.restore(this.#saved, from + 2)
      if (this.#saved[from] === -1) this.#saved[from] = this.#list(candidates)
      this.#saved[from]!--
      return this.#choices[--this.#choiceCount]
    }
    return undefined
  }

  #list<S>(candidates: Candidates<S>): number {
    const size = candidates.list()
    while (this.#choiceCount + size > this.#choices.length) this.#choices = grown(this.#choices)
    for (let index = size - 1; index > 0; index--)
      this.#choices[this.#choiceCount++] = candidates.choices[index]!
    return size - 1
  }
}

/** The order that got furthest. Only what changed since the last time is copied. */
class Best {
  frontier = -1
  readonly #order: Int32Array
  #length = -1
  #copied = 0
  #isStale = false

  constructor(count: number) {
    this.#order = new Int32Array(count)
  }

  see<S>(at: Configuration<S>): void {
    if (at.frontier < this.frontier || (at.frontier === this.frontier && at.length <= this.#length)) return
    this.frontier = at.frontier
    this.#length = at.length
    this.#isStale = true
  }

  /** To be called before the search goes back. */
  keep<S>(at: Configuration<S>): void {
    if (!this.#isStale) return
    for (let index = this.#copied; index < this.#length; index++) this.#order[index] = at.order[index]!
    this.#copied = this.#length
    this.#isStale = false
  }

  wentBackTo(length: number): void {
    this.#copied = Math.min(this.#copied, length)
  }

  orderOf<S>(at: Configuration<S>): Int32Array {
    this.keep(at)
    return this.#order.subarray(0, this.#length)
  }
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
