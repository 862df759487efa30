// FugueMax as its paper has it (Weidner, Kleppmann 2025, section 4): a tree, slow and obvious. One node per
// character, one list rebuilt for each question.

interface Id {
  readonly replica: string
  readonly counter: number
}

export type ModelOp =
  | {
      readonly id: Id
      readonly character: string
      readonly parent: Id | undefined
      readonly side: 'left' | 'right'
      readonly rightOrigin: Id | undefined
    }
  | { readonly id: Id; readonly target: Id }

interface Node {
  readonly id: Id | undefined
  readonly character: string
  readonly rightOrigin: Id | undefined
  isDeleted: boolean
  readonly left: Node[]
  readonly right: Node[]
}

const keyOf = ({ replica, counter }: Id): string => `${replica} ${counter}`

/** −1 if `a` is before `b`: by replica, then by counter. */
const compareIds = (a: Id, b: Id): number =>
  a.replica === b.replica ? a.counter - b.counter : a.replica < b.replica ? -1 : 1

export class FugueModel {
  readonly replica: string
  readonly #root: Node = {
    id: undefined,
    character: '',
    rightOrigin: undefined,
    isDeleted: true,
    left: [],
    right: [],
  }
  readonly #nodes = new Map<string, Node>()
  readonly #seen = new Map<string, number>()
  #waiting: ModelOp[] = []

  constructor(replica: string) {
    this.replica = replica
  }

  /** The visible characters. */
  get value(): string[] {
    return this.#list().flatMap(({ isDeleted, character }) => (isDeleted ? [] : [character]))
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  insert(index: number, text: string): ModelOp[] {
    const ops: ModelOp[] = []
    for (const [i, character] of Array.from(text).entries()) {
      const list = this.#list()
      const visible = list.filter(({ isDeleted }) => !isDeleted)
      const leftOrigin = index + i === 0 ? this.#root : (visible[index + i - 1] as Node)
      const rightOrigin = list[list.indexOf(leftOrigin) + 1]
      const isLeft = leftOrigin.right.length > 0
      const op: ModelOp = {
        id: this.#next(),
        character,
        parent: isLeft ? rightOrigin?.id : leftOrigin.id,
        side: isLeft ? 'left' : 'right',
        rightOrigin: rightOrigin?.id,
      }
      this.#apply(op)
      ops.push(op)
    }
    return ops
  }

  delete(index: number, count: number): ModelOp[] {
    const targets = this.#list()
      .filter(({ isDeleted }) => !isDeleted)
      .slice(index, index + count)
    return targets.map((target) => {
      const op: ModelOp = { id: this.#next(), target: target.id as Id }
      this.#apply(op)
      return op
    })
  }

  /** The place of a cursor that stays before or after a character. */
  indexOf(id: Id, side: 'before' | 'after'): number {
    const list = this.#list()
    const node = this.#nodeOf(id)
    const before = list.slice(0, list.indexOf(node)).filter(({ isDeleted }) => !isDeleted).length
    return before + (side === 'after' && !node.isDeleted ? 1 : 0)
  }

  /** Right origin of a character, which one put in right after it mostly has too. */
  rightOriginOf(id: Id | undefined): Id | undefined {
    return this.#nodeOf(id).rightOrigin
  }

  /** True if the replica has seen that event. */
  has({ replica, counter }: Id): boolean {
    return counter <= (this.#seen.get(replica) ?? 0)
  }

  /** True if the replica has heard of that event, though it may wait. */
  knows(id: Id): boolean {
    return this.has(id) || this.#waiting.some((op) => keyOf(op.id) === keyOf(id))
  }

  receive(ops: readonly ModelOp[]): void {
    this.#waiting.push(...ops)
    for (let isNew = true; isNew;) {
      isNew = false
      for (const op of this.#waiting) {
        if (!this.#isReady(op)) continue
        this.#apply(op)
        isNew = true
      }
      this.#waiting = this.#waiting.filter(({ id }) => !this.has(id))
    }
    // A deletion takes nothing but its character: it shows before its turn has come.
    for (const op of this.#waiting) {
      const node = 'target' in op ? this.#nodes.get(keyOf(op.target)) : undefined
      if (node !== undefined) node.isDeleted = true
    }
  }

  #next(): Id {
    return { replica: this.replica, counter: (this.#seen.get(this.replica) ?? 0) + 1 }
  }

  #isReady(op: ModelOp): boolean {
    if (op.id.counter !== (this.#seen.get(op.id.replica) ?? 0) + 1) return false
    const needed = 'target' in op ? [op.target] : [op.parent, op.rightOrigin]
    return needed.every((id) => id === undefined || this.#nodes.has(keyOf(id)))
  }

  #apply(op: ModelOp): void {
    this.#seen.set(op.id.replica, op.id.counter)
    if ('target' in op) {
      this.#nodeOf(op.target).isDeleted = true
      return
    }
    const { id, character, parent, side, rightOrigin } = op
    const node: Node = { id, character, rightOrigin, isDeleted: false, left: [], right: [] }
    const siblings = this.#nodeOf(parent)[side]
    const list = this.#list()
    const placeOf = (origin: Id | undefined): number =>
      origin === undefined ? Infinity : list.indexOf(this.#nodeOf(origin))
    const at = siblings.findIndex((sibling) => {
      const there = placeOf(sibling.rightOrigin)
      const here = placeOf(rightOrigin)
      if (side === 'right' && there !== here) return there < here
      return compareIds(id, sibling.id as Id) < 0
    })
    siblings.splice(at < 0 ? siblings.length : at, 0, node)
    this.#nodes.set(keyOf(id), node)
  }

  #nodeOf(id: Id | undefined): Node {
    return id === undefined ? this.#root : (this.#nodes.get(keyOf(id)) as Node)
  }

  /** All nodes in order: left children, the node, right children. The root comes first: it has no left ones. */
  #list(node: Node = this.#root): Node[] {
    return [
      ...node.left.flatMap((one) => this.#list(one)),
      node,
      ...node.right.flatMap((one) => this.#list(one)),
    ]
  }
}
