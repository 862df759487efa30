// Insertions whose origins no honest writer could have seen: the order of characters must yet be one, and the same for
// all, in whatever order they come. The slow model says which.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FugueModel, type ModelOp } from '../../test/text/fugue-model.ts'
import { encodeOps } from './codec.ts'
import { decodeText } from './index.ts'
import { DERIVED, Insertion, NOWHERE, type Op, Removal } from './ops.ts'
import { Sequence } from './sequence.ts'
import { opsSince } from './since.ts'
import { Branch, Leaf } from './tree.ts'
import { readRange } from './visible.ts'

type Id = { readonly replica: string; readonly counter: number } | undefined
interface Origins {
  readonly left: Id
  readonly right: Id
}

/** Choices, as shares of what there is. Not `fc.double`: of its numbers most are next to nothing. */
const share = fc.nat(9999).map((n) => n / 10_000)
const choice = fc.record({
  kind: fc.constantFrom('left', 'left', 'right', 'both', 'both', 'last', 'delete'),
  by: fc.nat(4),
  length: fc.constantFrom(1, 1, 2, 5),
  one: share,
  other: share,
})
type Choice = typeof choice extends fc.Arbitrary<infer T> ? T : never

const isSame = (a: Id, b: Id): boolean => a?.replica === b?.replica && a?.counter === b?.counter
const place = (id: Id): [string, number] => (id === undefined ? [NOWHERE, 0] : [id.replica, id.counter])

/** Operations, each after what it needs, as the document and as the model have them, and what each needs. */
function history(choices: readonly Choice[]): { op: Op; model: ModelOp[]; needs: number[] }[] {
  const out: { op: Op; model: ModelOp[]; needs: number[] }[] = []
  const characters: { id: Exclude<Id, undefined>; origins: Origins; made: number }[] = []
  const counters = new Map<string, { counter: number; made: number }>()
  const indexOf = (id: Id): number =>
    id === undefined ? -1 : characters.findIndex((other) => isSame(other.id, id))
  // Half of them near the start, so that many meet there.
  const pick = (at: number): Id => {
    const [from, among] = at < 0.5 ? [0, Math.min(5, characters.length)] : [0.5, characters.length]
    return characters[Math.floor((at - from) * 2 * (among + 1)) - 1]?.id
  }
  for (const { kind, by, length, one, other } of choices) {
    const replica = `r${by}`
    const last = counters.get(replica)
    const counter = (last?.counter ?? 0) + 1
    const needs = last === undefined ? [] : [last.made]
    const need = (id: Id): void => {
      const known = characters[indexOf(id)]
      if (known !== undefined) needs.push(known.made)
    }
    const first = pick(one)
    const made = out.length
    if (kind === 'delete') {
      if (first === undefined) continue
      need(first)
      const op = new Removal(replica, counter, 1, first.replica, first.counter, 1)
      out.push({ op, model: [{ id: { replica, counter }, target: first }], needs })
      counters.set(replica, { counter, made })
      continue
    }
    let origins: Origins
    let [leftCounter, rightCounter]: [number | undefined, number | undefined] = [undefined, undefined]
    if (kind === 'left' && first !== undefined) {
      origins = { left: characters[indexOf(first)]?.origins.left, right: first }
      leftCounter = DERIVED
    } else if (kind === 'both') origins = { left: first, right: pick(other) }
    else {
      // Often one goes on from one's last character.
      const own = kind === 'last' && last !== undefined ? { replica, counter: counter - 1 } : first
      const left = indexOf(own) < 0 ? undefined : own
      origins = { left, right: characters[indexOf(left)]?.origins.right }
      rightCounter = DERIVED
    }
    need(origins.left)
    need(origins.right)
    const text = 'abcdefghijklmnopqrstuvwxyz'.slice(made % 20, (made % 20) + length)
    const [leftNode, leftAt] = place(origins.left)
    const [rightNode, rightAt] = place(origins.right)
    const op = new Insertion(
      replica,
      counter,
      length,
      text,
      leftCounter === undefined ? leftNode : NOWHERE,
      leftCounter ?? leftAt,
      rightCounter === undefined ? rightNode : NOWHERE,
      rightCounter ?? rightAt,
    )
    const model = Array.from(text).map((character, i): ModelOp => {
      const left = i === 0 ? origins.left : { replica, counter: counter + i - 1 }
      const id = { replica, counter: counter + i }
      const right = characters[indexOf(origins.right)]
      const isLeft = right !== undefined && isSame(right.origins.left, left)
      characters.push({ id, origins: { left, right: origins.right }, made })
      const parent = isLeft ? origins.right : left
      return { id, character, parent, side: isLeft ? 'left' : 'right', rightOrigin: origins.right }
    })
    out.push({ op, model, needs })
    counters.set(replica, { counter: counter + length - 1, made })
  }
  return out
}

/** Places in a list, each after what it needs, drawn by shares. */
function reordered(needs: readonly (readonly number[])[], shares: readonly number[]): number[] {
  const out: number[] = []
  const left = new Set(needs.keys())
  for (let i = 0; left.size > 0; i++) {
    const free = [...left].filter((at) => needs[at]?.every((one) => !left.has(one)))
    const next = free[Math.floor((shares[i % shares.length] ?? 0) * free.length)] as number
    left.delete(next)
    out.push(next)
  }
  return out
}

/** The least depth and level below each node, against what the node says. */
function checkNode(node: Branch | Leaf): void {
  const items = node instanceof Leaf ? node.pieces : node.children
  const least = items.reduce(
    (best, { depth, level }) =>
      depth < best.depth || (depth === best.depth && level < best.level) ? { depth, level } : best,
    { depth: Infinity, level: 0 },
  )
  expect({ depth: node.depth, level: node.level }).toEqual(least)
  if (node instanceof Branch) for (const child of node.children) checkNode(child)
}

const textOf = (sequence: Sequence): string => readRange(sequence, 0, sequence.length)
const bytesOf = (sequence: Sequence): Uint8Array => encodeOps(opsSince(sequence, () => 0))

const histories = (maxLength: number): fc.Arbitrary<Choice[]> =>
  fc.array(choice, { minLength: Math.floor(maxLength / 2), maxLength, size: 'max' })

test.each([
  ['short', 40, 500],
  ['long', 250, 30],
])('%s histories with forged origins: one order for all, that of the model', (_name, maxLength, numRuns) => {
  fc.assert(
    fc.property(
      histories(maxLength),
      fc.array(share, { minLength: 20, maxLength: 50 }),
      (choices, shares) => {
        const list = history(choices)
        const model = new FugueModel('model')
        const sequence = new Sequence(true)
        for (const { op, model: ops } of list) {
          sequence.apply(op)
          model.receive(ops)
        }
        const text = model.value.join('')
        expect(textOf(sequence)).toBe(text)
        checkNode(sequence.tree.root)
        const other = new Sequence(true)
        const order = reordered(
          list.map(({ needs }) => needs),
          shares,
        )
        for (const at of order) other.apply((list[at] as { op: Op }).op)
        expect(textOf(other)).toBe(text)
        expect(bytesOf(other)).toEqual(bytesOf(sequence))
      },
    ),
    { numRuns },
  )
})

test('what was read at once takes in the rest of a history as what came edit by edit', () => {
  fc.assert(
    fc.property(histories(40), histories(40), (before, after) => {
      // Only what has one origin, or follows from it, can be read at once.
      const simple = before.map((one): Choice => ({
        ...one,
        kind: one.kind === 'both' ? 'left' : one.kind,
        length: 1,
      }))
      const { length } = history(simple)
      const list = history([...simple, ...after])
      const [half, whole] = [new Sequence(true), new Sequence(true)]
      for (const { op } of list.slice(0, length)) half.apply(op)
      for (const { op } of list) whole.apply(op)
      const read = decodeText(bytesOf(half), { replica: 'reader', positions: 'code-points' })
      for (const { op } of list.slice(length)) read.merge(encodeOps([op]))
      expect(read.toString()).toBe(textOf(whole))
      expect(read.encode()).toEqual(bytesOf(whole))
    }),
    { numRuns: 200 },
  )
})

test.each([0, 1])('depths are known where a deletion moves a border between two nodes (%i)', (before) => {
  const sequence = new Sequence(true)
  const site = sequence.site('a')
  const pieces = 500
  sequence.insert(site, 0, 'x'.repeat(4 * pieces + before), 4 * pieces + before)
  for (let i = 0; i < pieces; i++) sequence.erase(site, i * 2 + before, 2)
  checkNode(sequence.tree.root)
  for (let i = 0; i < pieces; i++) sequence.erase(site, i + before, 1)
  checkNode(sequence.tree.root)
  expect(sequence.length).toBe(pieces + before)
})
