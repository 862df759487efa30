import { DERIVED, Insertion, NOWHERE, type Op } from './ops.ts'

/** A character, or start or end. */
type Character = readonly [node: string, counter: number]

const END: Character = [NOWHERE, 0]

/**
 * The same operations, none telling both its origins where one follows from the other: so there is one way to tell them.
 * What follows is judged by these operations alone. Any that were made here are so already; it is others that may not be.
 *
 * @param ops in order of their replicas and counters.
 * @returns the list itself if there is nothing to shorten.
 */
export function inShort(ops: readonly Op[]): readonly Op[] {
  if (!ops.some(tellsBoth)) return ops
  const origins = new Origins(ops)
  let isSame = true
  const out = ops.map((op) => {
    const short = tellsBoth(op) ? origins.shorten(op) : op
    if (short !== op) isSame = false
    return short
  })
  return isSame ? ops : out
}

const tellsBoth = (op: Op): op is Insertion =>
  op instanceof Insertion && op.leftCounter !== DERIVED && op.rightCounter !== DERIVED

/** Finds origins of characters among some operations. What was found is kept, so that each is looked at once. */
class Origins {
  readonly #insertions = new Map<string, Insertion[]>()
  /** Of first characters. `undefined` also where they go round in a circle. */
  readonly #left = new Map<Insertion, Character | undefined>()
  readonly #right = new Map<Insertion, Character | undefined>()

  constructor(ops: readonly Op[]) {
    for (const op of ops) {
      if (!(op instanceof Insertion)) continue
      const list = this.#insertions.get(op.node)
      if (list === undefined) this.#insertions.set(op.node, [op])
      else list.push(op)
    }
  }

  shorten(op: Insertion): Insertion {
    const { node, counter, length, text, leftNode, leftCounter, rightNode, rightCounter } = op
    if (is(this.#rightOf([leftNode, leftCounter]), rightNode, rightCounter)) {
      return new Insertion(node, counter, length, text, leftNode, leftCounter, NOWHERE, DERIVED)
    }
    if (rightCounter > 0 && is(this.#leftOf([rightNode, rightCounter]), leftNode, leftCounter)) {
      return new Insertion(node, counter, length, text, NOWHERE, DERIVED, rightNode, rightCounter)
    }
    return op
  }

  /** Right origin of a character: its own, or that of its left origin, and so on. The start has the end. */
  #rightOf(character: Character): Character | undefined {
    return this.#follow(character, this.#right, (op) =>
      op.rightCounter === DERIVED ? undefined : [op.rightNode, op.rightCounter],
    )
  }

  /** Left origin of a character: its own, or that of its right origin, and so on. */
  #leftOf(character: Character): Character | undefined {
    return this.#follow(character, this.#left, (op, counter) => {
      if (counter > op.counter) return [op.node, counter - 1]
      return op.leftCounter === DERIVED ? undefined : [op.leftNode, op.leftCounter]
    })
  }

  /** Goes from one insertion to the one it is child of until one tells what is looked for. */
  #follow(
    from: Character,
    known: Map<Insertion, Character | undefined>,
    told: (op: Insertion, counter: number) => Character | undefined,
  ): Character | undefined {
    const path: Insertion[] = []
    let found: Character | undefined
    for (let [node, counter] = from; ;) {
      if (counter === 0) found = END
      const op = this.#find(node, counter)
      if (op === undefined) break
      found = told(op, counter)
      if (found !== undefined) break
      if (known.has(op)) {
        found = known.get(op)
        break
      }
      known.set(op, undefined)
      path.push(op)
      ;[node, counter] =
        op.leftCounter === DERIVED ? [op.rightNode, op.rightCounter] : [op.leftNode, op.leftCounter]
    }
    for (const op of path) known.set(op, found)
    return found
  }

  /** The insertion with a character. */
  #find(node: string, counter: number): Insertion | undefined {
    const list = this.#insertions.get(node) ?? []
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((list[middle] as Insertion).counter <= counter) low = middle + 1
      else high = middle
    }
    const op = list[low - 1]
    return op !== undefined && counter < op.counter + op.length ? op : undefined
  }
}

const is = (character: Character | undefined, node: string, counter: number): boolean =>
  character !== undefined && character[1] === counter && character[0] === node
