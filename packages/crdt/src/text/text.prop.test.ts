import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createText,
  DecodeError,
  decodeText,
  DuplicateReplicaError,
  PendingOverflowError,
  type Text,
  type TextDelta,
  textFromJSON,
} from './index.ts'
import { type Edit, Network, steps } from '../../test/text/network.ts'

const hex = (text: Text | TextDelta): string => Buffer.from(text.encode()).toString('hex')

test('every replica has the text of FugueMax after every step, edits in any order and number', () => {
  fc.assert(
    fc.property(steps(4), (list) => {
      const network = new Network(4)
      for (const step of list) {
        network.run(step)
        for (const [i, text] of network.texts.entries()) {
          const model = network.models[i]
          expect(text.toString()).toBe(model?.value.join(''))
          expect(text.length).toBe(model?.value.length)
          expect(text.hasGaps).toBe(model?.isWaiting)
        }
      }
      network.settle()
      const [first, ...others] = network.texts as [Text, ...Text[]]
      for (const other of others) {
        expect(other.toString()).toBe(first.toString())
        expect(hex(other)).toBe(hex(first))
        expect(other.deltaSince(first.version).isEmpty).toBe(true)
      }
      expect(first.toString()).toBe(network.models[0]?.value.join(''))
    }),
    { numRuns: 180 },
  )
})

const isInPair = (text: string, index: number): boolean => (text.charCodeAt(index) & 0xfc00) === 0xdc00

test('bytes and JSON are read back to the same, and a copy in UTF-16 positions is the same text', () => {
  fc.assert(
    fc.property(steps(3), (list) => {
      const network = new Network(3)
      for (const step of list) network.run(step)
      for (const text of network.texts) {
        const again = decodeText(text.encode(), { replica: 'reader' })
        expect(again.toString()).toBe(text.toString())
        expect(again.length).toBe(again.toString().length)
        expect(hex(again)).toBe(hex(text))
        // What was read at once can be edited like what was merged edit by edit.
        const merged = createText({ replica: 'reader' })
        merged.merge(text.encode())
        expect(merged.toString()).toBe(text.toString())
        for (const one of [again, merged]) {
          for (let index = one.length; index >= 0; index--)
            if (!isInPair(one.toString(), index)) one.insert(index, '|')
        }
        expect(hex(merged)).toBe(hex(again))
        const fromJSON = textFromJSON(JSON.parse(JSON.stringify(text)), { replica: 'reader' })
        expect(hex(fromJSON)).toBe(hex(text))
        const copy = text.clone()
        expect([hex(copy), copy.hasGaps, copy.toString()]).toEqual([hex(text), text.hasGaps, text.toString()])
      }
    }),
    { numRuns: 120 },
  )
})

test('deltas: grouped in any way and order, again and again, they make the state', () => {
  const merged = (edits: readonly Edit[]): Text => {
    const text = createText({ replica: 'reader' })
    for (const { delta } of edits) text.merge(delta)
    return text
  }
  const orders = steps(3).chain((list) => {
    const network = new Network(3)
    for (const step of list) network.run(step)
    const edits = network.edits.filter(({ delta }) => !delta.isEmpty)
    return fc.record({
      edits: fc.constant(edits),
      shuffled: fc.shuffledSubarray(edits, { minLength: edits.length }),
      some: fc.shuffledSubarray(edits),
      cut: fc.nat(edits.length),
    })
  })
  fc.assert(
    fc.property(orders, ({ edits, shuffled, some, cut }) => {
      const state = merged(edits)
      expect(hex(merged([...shuffled, ...some]))).toBe(hex(state))
      const group = (list: readonly Edit[]): TextDelta =>
        list.reduce<TextDelta>(
          (all, { delta }) => all.merge(delta),
          createText({ replica: 'x' }).insert(0, ''),
        )
      const [one, other] = [group(shuffled.slice(0, cut)), group(shuffled.slice(cut))]
      expect(hex(one.merge(other))).toBe(hex(other.merge(one)))
      expect(hex(one.merge(other))).toBe(hex(state))
      expect(hex(one.merge(one))).toBe(hex(one))
      // Also with edits that wait for others: what is there depends on what came, not on how.
      const whole = createText({ replica: 'reader' })
      whole.merge(one)
      const single = merged(shuffled.slice(0, cut))
      expect([whole.toString(), hex(whole), whole.hasGaps]).toEqual([
        single.toString(),
        hex(single),
        single.hasGaps,
      ])
      whole.merge(decodeText(state.encode(), { replica: 'y' }))
      expect(hex(whole)).toBe(hex(state))
      expect(whole.hasGaps).toBe(false)
      expect(whole.merge(state)).toBe(false)
    }),
    { numRuns: 150 },
  )
})

test('deltaSince() has what a replica at that version lacks, and nothing else', () => {
  fc.assert(
    fc.property(steps(3), (list) => {
      const network = new Network(3)
      for (const step of list) network.run(step)
      const [a, b] = network.texts as [Text, Text]
      const missing = a.deltaSince(b.version)
      const events = [...a.version].reduce(
        (sum, [node, counter]) => sum + Math.max(0, counter - b.version.get(node)),
        0,
      )
      expect(missing.isEmpty).toBe(events === 0 && (a.hasGaps ? missing.isEmpty : true))
      b.merge(missing.encode())
      a.merge(b.deltaSince(a.version))
      expect(hex(a)).toBe(hex(b))
      expect(a.hasGaps || (a.deltaSince(b.version).isEmpty && b.deltaSince(a.version).isEmpty)).toBe(true)
    }),
    { numRuns: 120 },
  )
})

test('damaged bytes are refused with nothing changed, or are another text in its one spelling', () => {
  const damage = fc.array(
    fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(255)),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  fc.assert(
    fc.property(steps(2, 15), damage, fc.nat(3), (list, places, cut) => {
      const network = new Network(2)
      for (const step of list) network.run(step)
      const [sender] = network.texts as [Text]
      const bytes = sender.encode()
      for (const [place, byte] of places) bytes[Math.floor(place * bytes.length)] = byte
      const damaged = cut === 0 ? bytes.subarray(0, bytes.length - 1) : bytes
      const host = createText({ replica: 'host', maxPending: 1000 })
      host.insert(0, 'here')
      const before = hex(host)
      const error = errorOf(() => host.merge(damaged))
      expect(error === undefined || hex(host) === before).toBe(true)
      expect([undefined, DecodeError, PendingOverflowError, DuplicateReplicaError]).toContain(error)
      expect(hex(decodeText(host.encode(), { replica: 'reader' }))).toBe(hex(host))
      let read: Text | undefined
      const refusal = errorOf(() => (read = decodeText(damaged, { replica: 'reader' })))
      expect([undefined, DecodeError, PendingOverflowError]).toContain(refusal)
      expect([undefined, Buffer.from(damaged).toString('hex')]).toContain(read && hex(read))
    }),
    { numRuns: 1000 },
  )
})

/** The class of what it throws. */
function errorOf(run: () => unknown): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return (error as Error).constructor
  }
}
