import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CausalContext } from '../causal-context.ts'
import { VersionVector } from '../index.ts'
import { CausalBuffer, type CausalMessage } from './index.ts'

const NODES = ['a', 'b', 'c'] as const
const step = fc.record({ on: fc.nat({ max: 2 }), from: fc.nat({ max: 2 }), send: fc.boolean() })

/** The messages of a run in which three nodes send, and hear each other at times. */
const messages = fc.array(step, { maxLength: 30, size: 'max' }).map((steps): CausalMessage[] => {
  const buffers = NODES.map(() => new CausalBuffer())
  const sent: CausalMessage[] = []
  for (const { on, from, send } of steps) {
    const buffer = buffers[on] as CausalBuffer
    if (send) {
      const message = buffer.stamp(NODES[on] as string)
      buffer.add(message)
      sent.push(message)
    } else for (const message of sent) if (message.node === NODES[from]) buffer.add(message)
  }
  return sent
})
/** The same in any order, some of them several times. */
const network = messages.chain((sent) =>
  fc.record({
    sent: fc.constant(sent),
    arrivals:
      sent.length === 0
        ? fc.constant([])
        : fc
            .shuffledSubarray([...sent, ...sent], { minLength: sent.length })
            .map((some) => [...some, ...sent.filter((message) => !some.includes(message))]),
  }),
)
const name = ({ node, counter }: { node: string; counter: number }): string => node + counter

/** The slow obvious buffer: looks at all that wait after each delivery. */
class Slow {
  delivered = VersionVector.empty
  waiting: CausalMessage[] = []
  add(message: CausalMessage): CausalMessage[] {
    if (this.delivered.includes(message) || this.waiting.some((other) => name(other) === name(message)))
      return []
    this.waiting.push(message)
    const out: CausalMessage[] = []
    for (;;) {
      const index = this.waiting.findIndex(
        ({ node, counter, deps }) =>
          this.delivered.get(node) === counter - 1 &&
          this.delivered.merge(VersionVector.of({ [node]: counter })).dominates(deps),
      )
      const [next] = index < 0 ? [] : this.waiting.splice(index, 1)
      if (next === undefined) return out
      this.delivered = this.delivered.increment(next.node)
      out.push(next)
    }
  }
}

test('each message comes out once, after all its sender had seen, as soon as that is possible', () => {
  fc.assert(
    fc.property(network, ({ sent, arrivals }) => {
      const buffer = new CausalBuffer()
      const slow = new Slow()
      const seen = new CausalContext()
      const out: string[] = []
      for (const message of arrivals) {
        const got = buffer.add(message)
        expect(new Set(got.map(name))).toEqual(new Set(slow.add(message).map(name)))
        for (const one of got) {
          expect(seen.vector.dominates(one.deps)).toBe(true)
          seen.add(one)
          out.push(name(one))
        }
        expect(buffer.pending).toBe(slow.waiting.length)
        expect(buffer.delivered.compare(slow.delivered)).toBe('equal')
      }
      expect(out.toSorted()).toEqual(sent.map(name).toSorted())
      expect(buffer.pending).toBe(0)
      expect(buffer.waitingFor()).toEqual([])
    }),
    { numRuns: 500 },
  )
})

test('waitingFor() is what waiting messages need, less what is here', () => {
  fc.assert(
    fc.property(network, fc.nat(), ({ arrivals }, cut) => {
      const buffer = new CausalBuffer()
      const slow = new Slow()
      for (const message of arrivals.slice(0, cut % (arrivals.length + 1))) {
        buffer.add(message)
        slow.add(message)
      }
      const here = new Set(slow.waiting.map(name))
      const needed = new Set<string>()
      for (const { node, counter, deps } of slow.waiting) {
        for (const [other, upTo] of deps.merge(VersionVector.of({ [node]: counter - 1 }))) {
          for (let i = slow.delivered.get(other) + 1; i <= upTo; i++)
            if (!here.has(other + i)) needed.add(other + i)
        }
      }
      const told = buffer
        .waitingFor()
        .flatMap(({ node, from, to }) => Array.from({ length: to - from + 1 }, (_, i) => node + (from + i)))
      expect(told.toSorted()).toEqual([...needed].toSorted())
    }),
  )
})

test('catchUp() and discard() leave a buffer that goes on as a new one with the same messages', () => {
  fc.assert(
    fc.property(network, fc.nat(), fc.nat(), fc.nat(), ({ sent, arrivals }, cut, jump, gone) => {
      fc.pre(sent.length > 0)
      const buffer = new CausalBuffer()
      const out: CausalMessage[] = []
      for (const message of arrivals.slice(0, cut % (arrivals.length + 1))) out.push(...buffer.add(message))
      const victim = sent[gone % sent.length] as CausalMessage
      const wasHeld =
        arrivals.slice(0, cut % (arrivals.length + 1)).includes(victim) && !buffer.delivered.includes(victim)
      expect(buffer.discard(victim)).toBe(wasHeld ? victim : undefined)
      const snapshot = (sent[jump % sent.length] as CausalMessage).deps
      out.push(...buffer.catchUp(snapshot))
      for (const message of arrivals) out.push(...buffer.add(message))
      const seen = new CausalContext()
      for (const { node, counter } of sent)
        if (snapshot.includes({ node, counter })) seen.add({ node, counter })
      for (const one of out) {
        for (const [node, upTo] of one.deps) expect(seen.has({ node, counter: upTo })).toBe(true)
        seen.add(one)
      }
      expect(buffer.pending).toBe(0)
      expect(buffer.delivered.toJSON()).toEqual(new CausalContext(sent).vector.toJSON())
      expect(new Set(out.map(name)).size).toBe(out.length)
    }),
  )
})
