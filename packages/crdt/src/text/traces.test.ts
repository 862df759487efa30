// Editing of people, and random documents merged by somebody else's implementation: github.com/josephg/editing-traces
// and egwalker-paper (CC BY 4.0). Each must give the text that comes with it, to the character.
import { describe, expect, test } from 'vitest'
import { createText, decodeText, type Text, type TextDelta, textFromJSON } from './index.ts'
import { type Conformance, hasTraces, NO_TRACES, type Patch, traceOf } from '../../test/text/traces.ts'

const positions = 'code-points'

function edit(text: Text, patches: readonly Patch[]): TextDelta[] {
  const deltas: TextDelta[] = []
  for (const [index, deleted, inserted] of patches) {
    if (deleted > 0) deltas.push(text.delete(index, deleted))
    if (inserted !== '') deltas.push(text.insert(index, inserted))
  }
  return deltas
}

describe.skipIf(!hasTraces)(`editing traces${hasTraces ? '' : ` (skipped: ${NO_TRACES})`}`, () => {
  test.each(['automerge-paper', 'rustcode'])('%s: one writer', (name) => {
    const { txns, endContent } = traceOf(name)
    const text = createText({ replica: 'a', positions })
    for (const { patches } of txns) edit(text, patches)
    expect(text.toString()).toBe(endContent)
    const bytes = text.encode()
    const again = decodeText(bytes, { replica: 'b', positions })
    expect(again.toString()).toBe(endContent)
    expect(again.encode()).toEqual(bytes)
    expect(textFromJSON(JSON.parse(JSON.stringify(text)), { replica: 'b' }).encode()).toEqual(bytes)
  })

  test('friendsforever: two writers at once, in order, and with every edit twice and out of order', () => {
    const { deltas, endContent } = friends()
    const updates = deltas.map((delta) => delta.encode())
    const reader = createText({ replica: 'reader', positions })
    for (const update of updates) reader.merge(update)
    expect(reader.toString()).toBe(endContent)
    expect(decodeText(reader.encode(), { replica: 'b' }).toString()).toBe(endContent)
    const late = createText({ replica: 'late', positions })
    for (const update of shuffled([...updates, ...updates], 100, 7)) late.merge(update)
    expect([late.toString(), late.hasGaps]).toEqual([endContent, false])
    expect(late.encode()).toEqual(reader.encode())
  })

  test('conformance: 500 documents of several writers, by states and by shuffled updates', () => {
    const documents = traceOf<Conformance[]>('conformance')
    expect(documents).toHaveLength(500)
    for (const [number, document] of documents.entries()) {
      const { text, deltas } = replay(document)
      expect(text.toString(), `document ${number}`).toBe(document.endContent)
      const late = createText({ replica: 'late', positions })
      for (const delta of shuffled([...deltas, ...deltas], Infinity, number + 1)) late.merge(delta.encode())
      expect([late.toString(), late.hasGaps], `document ${number}`).toEqual([document.endContent, false])
      expect(late.encode()).toEqual(text.encode())
    }
  })
})

/** A list with each element moved within a window, by numbers that follow from the seed (Lehmer). */
function shuffled<T>(list: readonly T[], window: number, seed: number): T[] {
  const out = [...list]
  let state = seed
  for (let i = out.length - 1; i > 0; i--) {
    state = (state * 48_271) % 2_147_483_647
    const low = Math.max(0, i - window)
    const j = low + (state % (i - low + 1))
    ;[out[i], out[j]] = [out[j] as T, out[i] as T]
  }
  return out
}

/** The deltas of each transaction of a concurrent trace, in its order, with what each writer saw. */
function friends(): { deltas: TextDelta[]; endContent: string } {
  const { txns, endContent } = traceOf('friendsforever')
  const writers = [0, 1].map((agent) => createText({ replica: `agent-${agent}`, positions }))
  const deltas: TextDelta[] = []
  /** Per transaction its deltas' end in the list. */
  const made: TextDelta[][] = []
  /** Per writer the transactions it has. */
  const heard = writers.map(() => new Set<number>())
  for (const [number, { agent = 0, parents = [], patches }] of txns.entries()) {
    const writer = writers[agent] as Text
    const known = heard[agent] as Set<number>
    const missing: number[] = []
    for (const stack = [...parents]; stack.length > 0;) {
      const parent = stack.pop() as number
      if (known.has(parent)) continue
      known.add(parent)
      missing.push(parent)
      stack.push(...(txns[parent]?.parents ?? []))
    }
    for (const one of missing.toSorted((a, b) => a - b)) {
      for (const delta of made[one] as TextDelta[]) writer.merge(delta)
    }
    const own = edit(writer, patches)
    known.add(number)
    made.push(own)
    deltas.push(...own)
  }
  return { deltas, endContent }
}

/** Each transaction as a replica of its own, which knows what its parents knew. */
function replay({ txns }: Conformance): { text: Text; deltas: TextDelta[] } {
  const deltas: TextDelta[] = []
  const states: Text[] = []
  for (const { parents, agent, seqStart, ops } of txns) {
    const text = createText({ replica: `${agent}${String(seqStart).padStart(6, '0')}`, positions })
    for (const parent of parents) {
      const at = txns.findIndex(({ span }) => span[0] <= parent && parent < span[1])
      text.merge(states[at] as Text)
    }
    const own = edit(text, ops)
    states.push(text)
    if (own.length > 0) deltas.push(own.reduce((one, other) => one.merge(other)))
  }
  const text = createText({ replica: 'reader', positions })
  for (const state of states) text.merge(state)
  return { text, deltas }
}
