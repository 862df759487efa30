import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rendezvous, type RendezvousNode } from './rendezvous.ts'

const weight = fc.oneof(fc.constantFrom(1, 1, 2), fc.double({ min: 0.001, max: 1_000, noNaN: true }))
const nodes = fc.uniqueArray(fc.record({ id: fc.string({ unit: 'binary' }), weight }), {
  selector: ({ id }) => id,
  minLength: 1,
  maxLength: 12,
})
const keys = fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 30 })
const idOf = (node: RendezvousNode | undefined): string | undefined => node?.id

test('pick() is the first of rank(), and rank() is every node once', () => {
  fc.assert(
    fc.property(nodes, keys, (all, some) => {
      const placement = rendezvous(all)
      for (const key of some) {
        const ranked = placement.rank(key)
        expect(placement.pick(key)).toBe(ranked[0])
        expect(new Set(ranked)).toEqual(new Set(all))
        expect(ranked).toHaveLength(all.length)
      }
    }),
  )
})

test('the order the nodes come in does not matter', () => {
  fc.assert(
    fc.property(nodes, keys, (all, some) => {
      const [there, back] = [rendezvous(all), rendezvous(all.toReversed())]
      for (const key of some) expect(back.rank(key).map(idOf)).toEqual(there.rank(key).map(idOf))
    }),
  )
})

test('removing a node moves only its keys, and leaves the order of the others', () => {
  fc.assert(
    fc.property(nodes, keys, fc.nat(), (all, some, at) => {
      const gone = all[at % all.length]
      const before = rendezvous(all)
      const after = rendezvous(all.filter((node) => node !== gone))
      for (const key of some) {
        const left = before.rank(key).filter((node) => node !== gone)
        expect(after.rank(key)).toEqual(left)
      }
    }),
  )
})

test('raising a weight moves keys only to that node', () => {
  fc.assert(
    fc.property(nodes, keys, fc.nat(), fc.double({ min: 1.01, max: 9, noNaN: true }), (all, some, at, by) => {
      const raised = all[at % all.length]
      const before = rendezvous(all)
      const after = rendezvous(
        all.map((node) => (node === raised ? { ...node, weight: node.weight * by } : node)),
      )
      for (const key of some) {
        const [was, is] = [idOf(before.pick(key)), idOf(after.pick(key))]
        expect(is === was || is === raised?.id).toBe(true)
      }
    }),
  )
})

test('one common weight is the same as none', () => {
  fc.assert(
    fc.property(nodes, keys, weight, (all, some, common) => {
      const plain = rendezvous(all.map(({ id }) => ({ id })))
      const heavy = rendezvous(all.map(({ id }) => ({ id, weight: common })))
      for (const key of some) expect(heavy.rank(key).map(idOf)).toEqual(plain.rank(key).map(idOf))
    }),
  )
})
