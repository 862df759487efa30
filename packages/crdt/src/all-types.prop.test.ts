// What holds for every type alike. What each of them means is tested beside it, against a model of its own.
import { DecodeError } from '@quorate/vector-clock'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SUBJECTS } from '../test/all-subjects.ts'
import { hex, merged, place, play } from '../test/play.ts'
import { stream } from '../test/random.ts'
import type { AnyCrdt } from '../test/subjects.ts'
import type { CrdtType, Delta } from './index.ts'

const seed = fc.integer({ min: 0, max: 2 ** 31 - 1 })

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => [random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item)
}

function thrown(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}

test('every type is tested', () => {
  const all: Record<CrdtType, true> = {
    'or-set': true,
    'pn-counter': true,
    cart: true,
    'g-counter': true,
    'bounded-counter': true,
    'lww-register': true,
    'mv-register': true,
    'ew-flag': true,
    'dw-flag': true,
    'g-set': true,
    '2p-set': true,
    'rw-set': true,
    'lww-map': true,
    'or-map': true,
    text: true,
  }
  expect(SUBJECTS.map(({ name }) => name).toSorted()).toEqual(Object.keys(all).toSorted())
})

describe.each(SUBJECTS)('$name', (subject) => {
  test('merge() commutes, associates, is idempotent and only ever adds', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const [a, b, c] = play(subject, from).replicas as [AnyCrdt, AnyCrdt, AnyCrdt]
        expect(hex(merged(a, b))).toBe(hex(merged(b, a)))
        expect(hex(merged(merged(a, b), c))).toBe(hex(merged(a, merged(b, c))))
        expect(hex(merged(a, a))).toBe(hex(a))
        const both = merged(a, b)
        expect(both.merge(a)).toBe(false)
        expect(both.merge(b.encode())).toBe(false)
        expect(both.version.dominates(a.version) && both.version.dominates(b.version)).toBe(true)
      }),
    )
  })

  test('merge() says whether anything was new', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const [a, b] = play(subject, from).replicas as [AnyCrdt, AnyCrdt]
        const before = hex(a)
        expect(a.merge(b)).toBe(hex(a) !== before)
      }),
    )
  })

  test('the deltas of all edits, in any order and some of them twice, are the state', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const { replicas, deltas } = play(subject, from)
        const random = stream(from + 1)
        const all = merged(...replicas)
        const reader = subject.make(place('reader'))
        const twice = deltas.filter(() => random() < 0.3)
        for (const delta of shuffled([...deltas, ...twice], random)) {
          reader.merge(random() < 0.5 ? delta : delta.encode())
        }
        expect(hex(reader)).toBe(hex(all))
        expect(reader.value).toEqual(all.value)
        expect(reader.hasGaps).toBe(false)
      }),
    )
  })

  test('deltas grouped are the deltas one by one, and stay as they were', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const { deltas } = play(subject, from)
        const random = stream(from + 2)
        const some = shuffled(
          deltas.filter(() => random() < 0.7),
          random,
        )
        const [first, ...others] = some
        if (first === undefined) return
        const before = some.map(hex)
        const group = others.reduce((sum: Delta, one) => sum.merge(one), first)
        expect(some.map(hex)).toEqual(before)
        const readers = ['g', 'h', 'i'].map((name) => subject.make(place(name)))
        const [byGroup, byBytes, oneByOne] = readers as [AnyCrdt, AnyCrdt, AnyCrdt]
        byGroup.merge(group)
        byBytes.merge(group.encode())
        for (const delta of some) oneByOne.merge(delta)
        expect(hex(byGroup)).toBe(hex(oneByOne))
        expect(hex(byBytes)).toBe(hex(byGroup))
        for (const delta of deltas) for (const reader of readers) reader.merge(delta)
        expect(hex(byGroup)).toBe(hex(oneByOne))
        expect(hex(byBytes)).toBe(hex(oneByOne))
      }),
    )
  })

  test('deltaSince() brings a replica to what the whole state does', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const [a, b] = play(subject, from).replicas as [AnyCrdt, AnyCrdt]
        const byState = merged(b, a)
        const delta = a.deltaSince(b.version)
        b.merge(delta)
        expect(hex(b)).toBe(hex(byState))
      }),
    )
  })

  test('who has everything is owed nothing', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const { replicas, deltas } = play(subject, from)
        const [a, b] = replicas as [AnyCrdt, AnyCrdt]
        for (const delta of deltas) a.merge(delta)
        b.merge(a.deltaSince(b.version).encode())
        expect(hex(b)).toBe(hex(a))
        expect([a.hasGaps, b.hasGaps]).toEqual([false, false])
        expect([a.deltaSince(b.version).isEmpty, b.deltaSince(a.version).isEmpty]).toEqual([true, true])
      }),
    )
  })

  test('bytes and JSON come back as they went, and so does what is edited afterwards', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const [a] = play(subject, from).replicas as [AnyCrdt]
        const copy = subject.decode(a.encode(), place('a'))
        const second = subject.fromJSON(JSON.parse(JSON.stringify(a)), place('a'))
        expect(hex(copy)).toBe(hex(a))
        expect(hex(second)).toBe(hex(a))
        expect(copy.value).toEqual(a.value)
        // Stamps count on from what was received, so those of the original may be lower.
        const deltas = [copy, second].map((one) => subject.edit(one, stream(from), 'after')?.delta)
        subject.edit(a, stream(from), 'after')
        expect(deltas[0] && hex(deltas[0])).toBe(deltas[1] && hex(deltas[1]))
        expect(copy.value).toEqual(a.value)
        expect(copy.version.toJSON()).toEqual(a.version.toJSON())
      }),
    )
  })

  test('a copy goes its own way', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const [a] = play(subject, from).replicas as [AnyCrdt]
        const before = hex(a)
        const copy = a.clone({ replica: 'copy' })
        expect(copy.replica).toBe('copy')
        for (let step = 0; step < 5; step++) subject.edit(copy, stream(from + step), `c${step}`)
        expect(hex(a)).toBe(before)
      }),
    )
  })

  test('what nobody else wrote under this name is refused: the state is as it was', () => {
    const outcomes = { refused: 0, harmless: 0 }
    fc.assert(
      fc.property(seed, (from) => {
        // Two writers of one name, from one beginning: what comes of a copied configuration, or an old backup.
        const [beginning] = play(subject, from, 10).replicas as [AnyCrdt]
        const bytes = beginning.encode()
        const [one, two] = [1, 2].map(() => subject.decode(bytes, place('a'))) as [AnyCrdt, AnyCrdt]
        let edits = 0
        for (let step = 0; step < 3; step++) {
          if (subject.edit(one, stream(from + step), `one${step}`) !== undefined) edits++
          subject.edit(two, stream(from - step), `two${step}`)
          subject.edit(two, stream(from - step - 7), `too${step}`)
        }
        const before = hex(one)
        if (edits === 0) return
        const error = thrown(() => one.merge(two.encode()))
        outcomes[error === undefined ? 'harmless' : 'refused']++
        if (error === undefined) return
        expect(error).toMatchObject({ code: 'QUORATE_CRDT_DUPLICATE_REPLICA', replica: 'a' })
        expect(hex(one)).toBe(before)
      }),
    )
    expect(outcomes.refused).toBeGreaterThan(outcomes.harmless)
  })

  test('objects and bytes of another type are refused', () => {
    const [other] = SUBJECTS.filter(({ name }) => name !== subject.name)
    if (other === undefined) throw new Error('there is only one type')
    const own = play(subject, 1).replicas[0] as AnyCrdt
    const foreign = play(other, 1).replicas[0] as AnyCrdt
    const before = hex(own)
    expect(() => own.merge(foreign as never)).toThrow(TypeError)
    expect(() => own.merge(foreign.encode())).toThrow(
      expect.objectContaining({ code: 'QUORATE_DECODE', outcome: 'not-applied' }),
    )
    for (const wrong of [undefined, null, 'text', 7, {}, []]) {
      expect(() => own.merge(wrong as never)).toThrow(TypeError)
      expect(() => own.deltaSince(wrong as never)).toThrow(TypeError)
    }
    expect(hex(own)).toBe(before)
  })

  test('bytes of a format to come are refused, and the error says so', () => {
    const own = play(subject, 3).replicas[0] as AnyCrdt
    const later = own.encode().with(0, 2)
    expect(() => subject.decode(later, place('x'))).toThrow(/its format is unknown/)
  })

  // An empty state in its place would be taken for all there is, and stored.
  test('what is not there is not decoded to an empty state', () => {
    for (const nothing of [undefined, null, 'bytes', {}, [1]]) {
      expect(() => subject.decode(nothing as never, place('a'))).toThrow(TypeError)
    }
    expect(() => subject.fromJSON(undefined, place('a'))).toThrow(DecodeError)
  })

  test('retire() and forget() refuse wrong names and that of the replica itself', () => {
    const made = subject.make(place('a'))
    if (!('retire' in made)) return
    const { retire, forget } = made as unknown as Record<'retire' | 'forget', (...args: unknown[]) => unknown>
    for (const wrong of [undefined, '', '\ud800', 'a']) {
      expect(() => retire.call(made, wrong)).toThrow(TypeError)
      expect(() => forget.call(made, wrong, made.version)).toThrow(TypeError)
    }
    expect(() => forget.call(made, 'b', {})).toThrow(TypeError)
    expect(forget.call(made, 'b', made.version)).toBe(true)
  })

  test('a replica needs a name', () => {
    for (const replica of ['', '\ud800', undefined, 7, null]) {
      expect(() => subject.make({ replica } as never)).toThrow(/replica must be/)
    }
    expect(() => subject.make(undefined as never)).toThrow(TypeError)
  })

  test('no acknowledged edit is lost when all have heard of all', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const { replicas, notes } = play(subject, from, 40)
        expect(subject.lost(notes, merged(...replicas))).toBeUndefined()
      }),
    )
  })
})
