// Five replicas that count against a bound, on a network that loses, doubles, reorders and parts, with crashes: what
// was really counted never passes a bound, and no right is in two hands.
import { VersionVector } from '@quorate/vector-clock'
import fc from 'fast-check'
import { assert, expect, test } from 'vitest'
import {
  type BoundedCounter,
  type BoundedCounterDelta,
  type BoundedCounterOptions,
  createBoundedCounter,
  decodeBoundedCounter,
  type Right,
} from './index.ts'

type Bounds = Omit<BoundedCounterOptions, 'replica'>

interface Node {
  readonly replica: string
  counter: BoundedCounter
  /** On disk before anybody hears of an edit. What was only heard of is lost in a crash. */
  disk: Uint8Array
  alive: boolean
  /** Its own edits: the version with each, and how far it counted. */
  readonly edits: { readonly version: number; readonly by: number }[]
  /** What the others had reached when it last merged all they knew. */
  told: Map<string, VersionVector>
}

type Step =
  | { readonly do: 'up' | 'down'; readonly at: number; readonly by: number }
  | {
      readonly do: 'give'
      readonly at: number
      readonly to: number
      readonly by: number
      readonly right: Right
      readonly now: boolean
    }
  | { readonly do: 'ask'; readonly at: number; readonly by: number; readonly right: Right }
  | { readonly do: 'deliver'; readonly at: number; readonly pick: number; readonly keep: boolean }
  | { readonly do: 'sync' | 'die'; readonly at: number; readonly to: number }
  | { readonly do: 'part'; readonly groups: readonly number[] }
  | { readonly do: 'crash'; readonly at: number }
  | { readonly do: 'retire' | 'forget'; readonly at: number; readonly gone: number; readonly both: boolean }

const NAMES = ['a', 'b', 'c', 'd', 'e']
const who = fc.nat({ max: NAMES.length - 1 })
const by = fc.integer({ min: 0, max: 8 })
const right = fc.constantFrom<Right>('stock', 'room')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('up', 'down'), at: who, by }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('give'), at: who, to: who, by, right, now: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ask'), at: who, by, right }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('deliver'), at: who, pick: fc.nat(), keep: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sync'), at: who, to: who }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('part'),
      groups: fc.array(fc.nat({ max: 1 }), { minLength: NAMES.length, maxLength: NAMES.length }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash'), at: who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('die'), at: who, to: who }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom('retire', 'forget'), at: who, gone: who, both: fc.boolean() }),
  },
) as fc.Arbitrary<Step>

class Play {
  readonly nodes: Node[]
  /** What was really counted, whoever has heard of it. */
  truth = 0
  readonly seen = { down: 0, tooFew: 0, given: 0, early: 0, crash: 0, claimed: 0, twice: 0, inherited: 0 }
  readonly #bounds: Bounds
  #groups: readonly number[] = [0, 0, 0, 0, 0]
  #post: { readonly from: string; readonly bytes: Uint8Array }[] = []

  constructor(bounds: Bounds) {
    this.#bounds = bounds
    this.nodes = NAMES.map((replica) => {
      const counter = createBoundedCounter({ replica, ...bounds })
      return { replica, counter, disk: counter.encode(), alive: true, edits: [], told: new Map() }
    })
  }

  get alive(): Node[] {
    return this.nodes.filter(({ alive }) => alive)
  }

  get gone(): string[] {
    return this.nodes.flatMap(({ replica, alive }) => (alive ? [] : [replica]))
  }

  run(steps: readonly Step[]): void {
    for (const one of steps) {
      this.#step(one)
      this.#check()
    }
  }

  #check(): void {
    const { minimum = 0, maximum } = this.#bounds
    const sum = (of: (node: Node) => number): number =>
      this.alive.reduce((total, node) => total + of(node), 0)
    assert.isAtLeast(this.truth, 0)
    assert.isAtMost(
      sum(({ counter }) => counter.available),
      this.truth,
    )
    if (maximum !== undefined) {
      assert.isAtMost(this.truth, maximum - minimum)
      assert.isAtMost(
        sum(({ counter }) => counter.room),
        maximum - minimum - this.truth,
      )
    }
    for (const { counter } of this.nodes) {
      const { version } = counter
      const known = this.nodes.flatMap(({ replica, edits }) =>
        edits.filter((edit) => edit.version <= version.get(replica)).map((edit) => edit.by),
      )
      const exact = minimum + known.reduce((total, amount) => total + amount, 0)
      assert.equal(counter.value, Math.min(maximum ?? Infinity, Math.max(minimum, exact)))
      if (counter.hasGaps) this.seen.early++
    }
  }

  #step(one: Step): void {
    const { alive } = this
    if (one.do === 'part') {
      this.#groups = one.groups
      return
    }
    const node = alive[one.at % alive.length] as Node
    const { counter } = node
    if ('gone' in one) {
      const gone = this.gone[one.gone % (this.gone.length || 1)]
      if (gone === undefined) return
      // Sometimes all at once: each by what it knows.
      for (const each of one.both ? alive : [node]) this[one.do](each, gone)
    } else if (one.do === 'crash') {
      node.counter = decodeBoundedCounter(node.disk, { replica: node.replica })
      node.told = new Map()
      this.seen.crash++
    } else if (one.do === 'up' || one.do === 'down') {
      this.#count(node, one.do, one.by)
    } else if (one.do === 'ask') {
      // What whoever is asked gives, by what it knows itself.
      for (const { replica, amount } of counter.donors(one.by, this.#right(one.right)) ?? []) {
        const donor = alive.find((other) => other.replica === replica)
        if (donor !== undefined && this.#reaches(donor, node)) this.#give(donor, node, amount, one.right)
      }
    } else if ('pick' in one) {
      this.#deliver(node, one.pick, one.keep)
    } else if ('to' in one) {
      const to = alive[one.to % alive.length] as Node
      if (to === node) return
      if (one.do === 'give') {
        this.#give(node, to, one.by, one.right)
        if (one.now) {
          tell(node, to)
          this.#count(to, one.right === 'stock' ? 'down' : 'up', one.by)
        }
      } else if (one.do === 'sync') {
        if (this.#reaches(node, to)) tell(node, to)
      } else if (alive.length > 2) {
        // Its last edits have arrived somewhere, for good, before it is gone.
        tell(node, to)
        to.disk = to.counter.encode()
        node.alive = false
      }
    }
  }

  #count(node: Node, way: 'up' | 'down', amount: number): void {
    const { counter } = node
    const has = way === 'up' ? counter.room : counter.available
    const delta = way === 'up' ? counter.increment(amount) : counter.decrement(amount)
    assert.equal(delta === undefined, amount > has)
    if (delta === undefined) this.seen.tooFew++
    else if (way === 'down' && amount > 0) this.seen.down++
    this.#edited(node, delta, way === 'up' ? amount : -amount)
  }

  #right(wanted: Right): Right {
    return this.#bounds.maximum === undefined ? 'stock' : wanted
  }

  #give(node: Node, to: Node, amount: number, wanted: Right): void {
    const which = this.#right(wanted)
    const has = which === 'stock' ? node.counter.available : node.counter.room
    const delta = node.counter.transfer(amount, to.replica, which)
    assert.equal(delta === undefined, amount > has)
    if (delta !== undefined && amount > 0) this.seen.given++
    this.#edited(node, delta, 0)
  }

  #edited(node: Node, delta: BoundedCounterDelta | undefined, counted: number): void {
    if (delta === undefined || delta.isEmpty) return
    node.disk = node.counter.encode()
    node.edits.push({ version: node.counter.version.get(node.replica), by: counted })
    this.truth += counted
    this.#post.push({ from: node.replica, bytes: delta.encode() })
  }

  #reaches(from: Node, to: Node): boolean {
    const group = ({ replica }: Node): number => this.#groups[NAMES.indexOf(replica)] as number
    return group(from) === group(to)
  }

  #deliver(node: Node, pick: number, keep: boolean): void {
    const at = pick % (this.#post.length || 1)
    const letter = this.#post[at]
    const from = this.nodes.find(({ replica }) => replica === letter?.from)
    if (letter === undefined || from === undefined || !this.#reaches(from, node)) return
    if (!keep) this.#post.splice(at, 1)
    node.counter.merge(letter.bytes)
  }

  /** Only by who has its last edits. */
  retire(node: Node, gone: string): void {
    const lost = this.nodes.find(({ replica }) => replica === gone) as Node
    if (node.counter.version.get(gone) < lost.counter.version.get(gone)) return
    const delta = node.counter.retire(gone)
    if (delta.isEmpty) return
    this.seen.claimed++
    if (this.alive.some(({ replica, counter }) => replica !== node.replica && claims(counter, gone)))
      this.seen.twice++
    this.#edited(node, delta, 0)
  }

  /** With what all have reached, as this one knows. */
  forget(node: Node, gone: string): boolean {
    const others = this.alive.filter((other) => other !== node)
    const versions = others.map(({ replica }) => node.told.get(replica) ?? VersionVector.empty)
    const { version } = node.counter
    const settled = node.counter.forget(gone, least([version, ...versions]))
    const delta = node.counter.deltaSince(version)
    if (!delta.isEmpty) this.seen.inherited++
    this.#edited(node, delta, 0)
    return settled
  }

  /** All hear of all, and all rights of those that are gone have an owner. */
  end(): void {
    this.#groups = [0, 0, 0, 0, 0]
    const heal = (): void => {
      for (const one of [...this.alive, ...this.alive]) {
        for (const other of this.alive) {
          if (one !== other) tell(one, other)
        }
      }
    }
    heal()
    for (const gone of this.gone) this.retire(this.alive[0] as Node, gone)
    heal()
    // The heir of an heir gets what the heir had claimed only after it.
    for (let round = 0; round <= NAMES.length; round++) {
      for (const gone of this.gone) for (const node of this.alive) this.forget(node, gone)
      heal()
    }
  }
}

/** All that one knows, and its version: which is on its disk first, else a crash could make it untrue. */
function tell(from: Node, to: Node): void {
  from.disk = from.counter.encode()
  to.counter.merge(from.counter.deltaSince(to.counter.version).encode())
  to.told.set(from.replica, from.counter.version)
}

const claims = (counter: BoundedCounter, gone: string): boolean =>
  counter.toJSON().rows[counter.replica]?.claims?.[gone] !== undefined

const least = (versions: readonly VersionVector[]): VersionVector =>
  VersionVector.of(
    NAMES.map((node) => [node, Math.min(...versions.map((version) => version.get(node)))] as const),
  )

test.each<[string, Bounds]>([
  ['a minimum', { minimum: -7 }],
  ['both bounds', { minimum: 2, maximum: 22, holder: 'b' }],
])('%s: never passed, no right in two hands, none lost in the end', (_name, bounds) => {
  const total = { down: 0, tooFew: 0, given: 0, early: 0, crash: 0, claimed: 0, twice: 0, inherited: 0 }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const play = new Play(bounds)
      play.run(steps)
      play.end()
      const { minimum = 0, maximum = 0 } = bounds
      const [first, ...others] = play.alive.map(({ counter }) => counter) as [BoundedCounter, BoundedCounter]
      for (const other of others) expect(other.encode()).toEqual(first.encode())
      expect([first.value, first.hasGaps]).toEqual([minimum + play.truth, false])
      const sum = (list: readonly number[]): number => list.reduce((one, other) => one + other, 0)
      expect(sum(play.alive.map(({ counter }) => counter.available))).toBe(play.truth)
      expect(bounds.maximum === undefined ? 0 : sum(play.alive.map(({ counter }) => counter.room))).toBe(
        bounds.maximum === undefined ? 0 : maximum - minimum - play.truth,
      )
      for (const what of Object.keys(total) as (keyof typeof total)[]) total[what] += play.seen[what]
    }),
    { numRuns: 150 },
  )
  // The plays are about what they should be.
  for (const [what, times] of Object.entries(total)) expect([what, times > 0]).toEqual([what, true])
})
