import { VersionVector } from '@quorate/vector-clock'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createText,
  DecodeError,
  decodeText,
  DuplicateReplicaError,
  PendingOverflowError,
  type Text,
  type TextChangeEvent,
  type TextDelta,
  TextHistoryError,
  textFromJSON,
} from './index.ts'

const hex = (source: { encode(): Uint8Array }): string => Buffer.from(source.encode()).toString('hex')
const sync = (one: Text, other: Text): void => {
  const missing = other.deltaSince(one.version)
  other.merge(one.deltaSince(other.version))
  one.merge(missing)
}

/** True if a text is these words one after the other, in any order. */
const isMadeOf = (text: string, words: readonly string[]): boolean =>
  words.length === 0
    ? text === ''
    : words.some(
        (word, i) => text.startsWith(word) && isMadeOf(text.slice(word.length), words.toSpliced(i, 1)),
      )

describe('words stay whole', () => {
  test('"Hello" and "World", both put in at 0: one after the other, the same for everybody', () => {
    const [phone, laptop, server] = ['phone', 'laptop', 'server'].map((replica) =>
      createText({ replica }),
    ) as [Text, Text, Text]
    const hello = phone.insert(0, 'Hello')
    const world = laptop.insert(0, 'World')
    server.merge(hello)
    server.merge(world)
    phone.merge(world)
    laptop.merge(hello)
    expect(['HelloWorld', 'WorldHello']).toContain(server.toString())
    expect([phone.toString(), laptop.toString()]).toEqual([server.toString(), server.toString()])
    expect(new Set([phone, laptop, server].map(hex)).size).toBe(1)
  })

  test.each(['forward', 'backward'])(
    'words typed %s at one place at the same time never interleave',
    (direction) => {
      const word = fc.stringMatching(/^[a-z]{1,6}$/)
      fc.assert(
        fc.property(fc.array(word, { minLength: 2, maxLength: 5 }), fc.nat(4), (words, at) => {
          const base = createText({ replica: 'base' })
          base.insert(0, '1234')
          const writers = words.map((_, i) => base.clone({ replica: `writer-${i}` }))
          for (const [i, writer] of writers.entries()) {
            const characters = Array.from(words[i] as string)
            if (direction === 'forward')
              for (const [n, one] of characters.entries()) writer.insert(at + n, one)
            else for (const one of characters.toReversed()) writer.insert(at, one)
          }
          const all = createText({ replica: 'all' })
          for (const writer of writers) all.merge(writer)
          const text = all.toString()
          expect(text.startsWith('1234'.slice(0, at)) && text.endsWith('1234'.slice(at))).toBe(true)
          // Each word is there in one piece, in the order of the writers or another.
          expect([text, isMadeOf(text.slice(at, text.length - (4 - at)), words)]).toEqual([text, true])
        }),
        { numRuns: 100 },
      )
    },
  )

  test('what is put in between two characters that one knows stands between them, whatever else is there', () => {
    const one = createText({ replica: 'a' })
    one.insert(0, 'milk eggs')
    const other = one.clone({ replica: 'b' })
    one.insert(4, ', bread')
    other.delete(0, 4)
    other.insert(0, 'cream')
    sync(one, other)
    expect(one.toString()).toBe(other.toString())
    expect(one.toString()).toContain('cream')
    expect(one.toString()).toContain(', bread')
  })
})

describe('editing', () => {
  test('insert, delete, replace, slice', () => {
    const text = createText({ replica: 'a' })
    text.insert(0, 'hello world')
    text.delete(5, 6)
    text.replace(0, 1, 'J')
    expect([text.value, text.length, String(text)]).toEqual(['Jello', 5, 'Jello'])
    expect([text.slice(1, 3), text.slice(-2), text.slice(2), text.slice(3, 1)]).toEqual([
      'el',
      'lo',
      'llo',
      '',
    ])
    expect([text.insert(2, '').isEmpty, text.delete(2, 0).isEmpty, text.replace(2, 0, '').isEmpty]).toEqual([
      true,
      true,
      true,
    ])
  })

  test('positions are UTF-16 units, or code points', () => {
    const units = createText({ replica: 'a' })
    units.insert(0, 'a😀b')
    expect(units.length).toBe(4)
    const points = createText({ replica: 'b', positions: 'code-points' })
    points.merge(units)
    expect(points.length).toBe(3)
    points.delete(1, 1)
    units.merge(points)
    expect(units.toString()).toBe('ab')
  })

  test('a surrogate pair is never cut', () => {
    const text = createText({ replica: 'a' })
    text.insert(0, 'a😀b')
    const before = hex(text)
    expect(() => text.insert(2, 'x')).toThrow(RangeError)
    expect(() => text.delete(2, 1)).toThrow(RangeError)
    expect(() => text.delete(0, 2)).toThrow(RangeError)
    expect(() => text.replace(1, 1, 'x')).toThrow(RangeError)
    for (const half of ['\ud83d', '\ude00', 'x\ud83dx', '\ude00\ud83d']) {
      expect(() => text.insert(0, half)).toThrow(TypeError)
    }
    expect(hex(text)).toBe(before)
  })

  test('wrong arguments are refused and change nothing', () => {
    const text = createText({ replica: 'a' })
    text.insert(0, 'abc')
    const before = hex(text)
    for (const index of [-1, 4, 1.5, Number.NaN, '1' as unknown as number]) {
      expect(() => text.insert(index, 'x')).toThrow(RangeError)
      expect(() => text.delete(index, 1)).toThrow(RangeError)
      expect(() => text.cursor(index)).toThrow(RangeError)
    }
    for (const count of [-1, 3, 0.5, Number.NaN]) expect(() => text.delete(1, count)).toThrow(RangeError)
    expect(() => text.replace(1, 1, '\ud800')).toThrow(TypeError)
    expect(() => text.insert(0, 7 as unknown as string)).toThrow(TypeError)
    expect(() => text.cursor(0, { side: 'left' as 'after' })).toThrow(TypeError)
    expect(() => text.on('edit' as 'change', () => {})).toThrow(TypeError)
    expect(() => createText({ replica: '' })).toThrow(TypeError)
    expect(() => createText({ replica: 'a', positions: 'bytes' as 'utf16' })).toThrow(TypeError)
    expect(() => createText({ replica: 'a', maxPending: -1 })).toThrow(RangeError)
    expect(() => createText({ replica: 'a', maxUndo: Number.NaN })).toThrow(RangeError)
    expect(() => text.textAt(VersionVector.of({ b: 1 }))).toThrow(RangeError)
    expect(hex(text)).toBe(before)
  })
})

describe('undo', () => {
  test('what was typed in one go goes in one go, and so does what was deleted', () => {
    const text = createText({ replica: 'a' })
    for (const [i, one] of Array.from('hello').entries()) text.insert(i, one)
    text.stopGroup()
    for (const [i, one] of Array.from(' world').entries()) text.insert(5 + i, one)
    for (let i = 0; i < 3; i++) text.delete(text.length - 1, 1)
    const seen: string[] = []
    while (text.undo() !== undefined) seen.push(text.toString())
    while (text.redo() !== undefined) seen.push(text.toString())
    expect(seen).toEqual(['hello world', 'hello', '', 'hello', 'hello world', 'hello wo'])
  })

  test('a replacement is one step, and a new edit ends redo', () => {
    const text = createText({ replica: 'a' })
    text.insert(0, 'cat')
    text.replace(0, 1, 'b')
    expect([text.canUndo, text.canRedo]).toEqual([true, false])
    text.undo()
    expect([text.toString(), text.canRedo]).toEqual(['cat', true])
    text.insert(3, 's')
    expect([text.redo(), text.toString()]).toEqual([undefined, 'cats'])
  })

  test('what both deleted stays deleted when one of the two takes it back', () => {
    const one = createText({ replica: 'a' })
    one.insert(0, 'abcdef')
    const other = one.clone({ replica: 'b' })
    one.delete(1, 3)
    other.delete(2, 3)
    sync(one, other)
    one.undo()
    expect(one.toString()).toBe('abf')
  })

  test('it goes back no further than maxUndo', () => {
    const text = createText({ replica: 'a', maxUndo: 2 })
    for (const one of ['x', 'y', 'z']) {
      text.insert(0, one)
      text.stopGroup()
    }
    while (text.undo() !== undefined);
    expect(text.toString()).toBe('x')
  })
})

describe('events', () => {
  test('a merge is one event, with ranges', () => {
    const one = createText({ replica: 'a' })
    const other = createText({ replica: 'b' })
    one.insert(0, 'hello world')
    one.delete(0, 1)
    one.insert(0, 'J')
    const events: TextChangeEvent[] = []
    const off = other.on('change', (event) => events.push(event))
    other.merge(one)
    other.insert(11, '!')
    other.undo()
    other.redo()
    off()
    other.insert(0, '>')
    expect(events.map(({ origin }) => origin)).toEqual(['remote', 'local', 'undo', 'redo'])
    expect(events.slice(1).map(({ changes }) => changes)).toEqual([
      [{ index: 11, deleted: 0, inserted: '!' }],
      [{ index: 11, deleted: 1, inserted: '' }],
      [{ index: 11, deleted: 0, inserted: '!' }],
    ])
  })

  test('a listener that edits is told of its edit afterwards, and so are all others', () => {
    const text = createText({ replica: 'a' })
    const seen: string[] = []
    text.on('change', ({ changes }) => {
      if (changes[0]?.inserted === 'a') text.insert(1, 'b')
    })
    text.on('change', ({ changes }) => seen.push(changes[0]?.inserted ?? ''))
    text.insert(0, 'a')
    expect([seen, text.toString()]).toEqual([['a', 'b'], 'ab'])
  })
})

describe('merging', () => {
  test('a delta that comes early waits, and is asked for', () => {
    const one = createText({ replica: 'a' })
    const other = createText({ replica: 'b' })
    const first = one.insert(0, 'Hello')
    const second = one.insert(5, ' World')
    expect(other.merge(second.encode())).toBe(true)
    expect([other.toString(), other.hasGaps, other.version.size]).toEqual(['', true, 0])
    expect(other.merge(second)).toBe(false)
    other.merge(first)
    expect([other.toString(), other.hasGaps]).toEqual(['Hello World', false])
  })

  test('a run of backspaces that comes before what it deletes waits, but what it deletes is never shown', () => {
    const one = createText({ replica: 'a' })
    const parts = Array.from('abcd').map((character, i) => one.insert(i, character))
    const other = one.clone({ replica: 'b' })
    for (let i = 0; i < 3; i++) other.delete(other.length - 1, 1)
    const removal = other.deltaSince(one.version).encode()
    const reader = createText({ replica: 'reader' })
    const seen: [string, boolean][] = []
    for (const part of [removal, ...parts]) {
      reader.merge(part)
      seen.push([reader.toString(), reader.hasGaps])
    }
    // The first deletion is that of the last character: none can be told as seen before it.
    expect(seen).toEqual([
      ['', true],
      ['a', true],
      ['a', true],
      ['a', true],
      ['a', false],
    ])
  })

  test('a deletion that comes before another of its replica shows at once, and is told', () => {
    const one = createText({ replica: 'a' })
    one.insert(0, 'abc')
    const other = one.clone({ replica: 'b' })
    other.delete(0, 1)
    const second = other.delete(1, 1)
    const events: TextChangeEvent[] = []
    one.on('change', (event) => events.push(event))
    expect(one.merge(second)).toBe(true)
    expect([one.toString(), one.hasGaps, one.version.get('b')]).toEqual(['ab', true, 0])
    expect(events).toEqual([{ origin: 'remote', changes: [{ index: 2, deleted: 1, inserted: '' }] }])
    // It is in no version yet: the text at this one still has the character.
    expect(one.textAt(one.version)).toBe('abc')
    one.insert(2, 'd')
    one.merge(other)
    other.merge(one)
    expect([one.toString(), one.hasGaps, hex(one)]).toEqual(['bd', false, hex(other)])
  })

  test('what waits is part of the state: in bytes, JSON, copies and deltas', () => {
    const one = createText({ replica: 'a' })
    const first = one.insert(0, 'Hello')
    const second = one.insert(5, ' World')
    const early = createText({ replica: 'b' })
    early.merge(second)
    const readers = [
      decodeText(early.encode(), { replica: 'c' }),
      textFromJSON(JSON.parse(JSON.stringify(early)), { replica: 'c' }),
      early.clone({ replica: 'c' }),
      createText({ replica: 'c' }),
      createText({ replica: 'c' }),
    ] as const
    expect(readers[3].merge(early)).toBe(true)
    expect(readers[4].merge(early.deltaSince(VersionVector.empty))).toBe(true)
    for (const reader of readers) {
      expect([reader.toString(), reader.hasGaps, hex(reader)]).toEqual(['', true, hex(early)])
      expect([reader.merge(early), reader.merge(early.encode())]).toEqual([false, false])
      reader.merge(first)
      expect([reader.toString(), reader.hasGaps, hex(reader)]).toEqual(['Hello World', false, hex(one)])
    }
    expect(early.deltaSince(one.version).isEmpty).toBe(true)
    expect(early.deltaSince(VersionVector.of({ a: 8 })).toJSON()).toEqual({
      type: 'text',
      edits: { a: [{ at: 9, insert: ['rld'], after: ['a', 8] }] },
    })
  })

  test('what waits may be no more than maxPending in bytes and JSON too', () => {
    const one = createText({ replica: 'a' })
    one.insert(0, 'x')
    const second = one.insert(1, '12345')
    const options = { replica: 'b', maxPending: 4 }
    expect(() => decodeText(second.encode(), options)).toThrow(PendingOverflowError)
    expect(() => textFromJSON(second.toJSON(), options)).toThrow(PendingOverflowError)
    expect(decodeText(second.encode(), { ...options, maxPending: 5 }).hasGaps).toBe(true)
  })

  test('two stories of an edit that waits are found out, and the second is refused', () => {
    const [one, other] = ['x', 'y'].map((text) => {
      const writer = createText({ replica: 'a' })
      writer.insert(0, '.')
      return writer.insert(1, text)
    }) as [TextDelta, TextDelta]
    const reader = createText({ replica: 'b' })
    reader.merge(one)
    const before = hex(reader)
    expect(() => reader.merge(other)).toThrow(
      expect.objectContaining({ code: 'QUORATE_CRDT_DUPLICATE_REPLICA', isOwn: false }),
    )
    expect(hex(reader)).toBe(before)
    const restored = createText({ replica: 'a' })
    restored.merge(one)
    expect(() => restored.merge(other)).toThrow(DuplicateReplicaError)
  })

  test('a replica whose own earlier edits came back in part writes nothing until all are there', () => {
    const lost = createText({ replica: 'a' })
    const first = lost.insert(0, 'abc')
    const second = lost.insert(3, 'def')
    const restored = createText({ replica: 'a' })
    restored.merge(second)
    expect(() => restored.insert(0, 'x')).toThrow(DuplicateReplicaError)
    restored.merge(first)
    restored.insert(6, 'x')
    expect(restored.toString()).toBe('abcdefx')
  })

  test('more may not wait than maxPending: the merge is refused, whole', () => {
    const one = createText({ replica: 'a' })
    const other = createText({ replica: 'b', maxPending: 5 })
    const first = one.insert(0, 'x')
    const five = one.insert(1, '12345')
    const sixth = one.insert(6, '6')
    other.merge(five)
    expect(() => other.merge(sixth)).toThrow(PendingOverflowError)
    expect(() => other.merge(sixth)).toThrow(expect.objectContaining({ pending: 6, maxPending: 5 }))
    expect([other.hasGaps, other.toString()]).toEqual([true, ''])
    other.merge(first)
    other.merge(sixth)
    expect(other.toString()).toBe('x123456')
  })

  test('two writers of one name are found out, and nothing is merged', () => {
    const one = createText({ replica: 'same' })
    const other = createText({ replica: 'same' })
    one.insert(0, 'abc')
    const longer = other.insert(0, 'abcd')
    const otherwise = createText({ replica: 'same' }).insert(0, 'xyz')
    for (const source of [longer, longer.encode(), otherwise, otherwise.encode()]) {
      expect(() => one.merge(source)).toThrow(DuplicateReplicaError)
    }
    expect(one.toString()).toBe('abc')
    // A copy that has not edited yet takes what it wrote before it was restored.
    const restored = createText({ replica: 'same' })
    restored.merge(other)
    expect(restored.toString()).toBe('abcd')
    restored.insert(4, 'e')
    expect(restored.toString()).toBe('abcde')
    // Of others, the second story is refused.
    const reader = createText({ replica: 'reader' })
    reader.merge(one)
    expect(() => reader.merge(otherwise)).toThrow(
      expect.objectContaining({ code: 'QUORATE_CRDT_DUPLICATE_REPLICA', isOwn: false }),
    )
    expect(reader.toString()).toBe('abc')
  })

  test('objects of another type are refused; a delta of another copy of the package is read by its bytes', () => {
    const text = createText({ replica: 'a' })
    expect(() => text.merge({ type: 'cart', encode: () => new Uint8Array() } as never)).toThrow(TypeError)
    expect(() => text.merge(undefined as never)).toThrow(TypeError)
    const delta = createText({ replica: 'b' }).insert(0, 'x')
    text.merge({ type: 'text', encode: () => delta.encode() })
    expect(text.toString()).toBe('x')
    expect(() => delta.merge({ type: 'cart' } as never)).toThrow(TypeError)
  })

  test('a peer with a version that nobody can have still gets edits that belong together', () => {
    const one = createText({ replica: 'a' })
    one.insert(0, 'abcdef')
    const other = one.clone({ replica: 'b' })
    other.delete(1, 3)
    for (const version of [{ a: 2, b: 3 }, { a: 2, b: 1 }, { b: 3 }]) {
      const reader = createText({ replica: 'reader' })
      reader.merge(one.deltaSince(VersionVector.empty))
      reader.merge(other.deltaSince(VersionVector.of(version)).encode())
      reader.merge(other)
      expect(reader.toString()).toBe('aef')
    }
  })
})

describe('bytes', () => {
  test('the bytes of a delta, for ever', () => {
    const text = createText({ replica: 'a' })
    // format, text | 1 replica "a", with rows | from event 1: 2 characters, long, right child of, the start; end | "hi"
    expect(hex(text.insert(0, 'hi'))).toBe(
      ['010f', '01', '0361', '00', '0e', '02', '00', '07', '046869'].join(''),
    )
    // from event 3: 1 deletion of the one before; end | no text
    expect(hex(text.delete(1, 1))).toBe(['010f', '01', '0361', '02', '03', '07', '00'].join(''))
    // from event 4: 1 character, left child of the one just deleted, which is 2 before … | "o"
    expect(hex(text.insert(1, 'o'))).toBe(['010f', '01', '0361', '03', '01', '01', '07', '026f'].join(''))
  })

  test('the JSON of a state, for ever', () => {
    const text = createText({ replica: 'a' })
    text.insert(0, 'hello')
    text.delete(1, 2)
    text.insert(1, 'a')
    expect(text.toJSON()).toEqual({
      type: 'text',
      edits: {
        a: [
          { at: 1, insert: ['h', 2, 'lo'], after: null },
          { at: 6, delete: 2, target: ['a', 2] },
          { at: 8, insert: ['a'], before: ['a', 2] },
        ],
      },
    })
  })

  test('emptied, it holds no text', () => {
    const text = createText({ replica: 'a' })
    text.insert(0, 'secret '.repeat(10_000))
    text.delete(0, text.length)
    expect(text.encode().length).toBeLessThan(32)
  })

  const head = [1, 15, 1, 3, 97, 0]
  test.each<[string, number[]]>([
    ['nothing', []],
    ['an unknown format', [2, 15, 0, 0]],
    ['bytes after the end', [1, 15, 0, 0, 0]],
    ['a replica named for nothing', [1, 15, 1, 2, 97, 0]],
    ['replicas out of order', [1, 15, 2, 3, 98, 3, 97, 0, 6, 2, 0, 7, 0, 6, 2, 0, 7, 4, 120, 120]],
    ['no rows', [...head, 7, 0]],
    ['an unknown kind', [...head, 6, 3, 0, 7, 2, 120]],
    ['a character beside itself', [...head, 6, 2, 1, 2, 7, 2, 120]],
    ['a run in two', [...head, 6, 2, 0, 2, 0, 7, 4, 120, 120]],
    ['too little text', [...head, 14, 2, 0, 7, 2, 120]],
    ['too much text', [...head, 6, 2, 0, 7, 4, 120, 120]],
    ['text that is not UTF-8', [...head, 6, 2, 0, 7, 2, 255]],
    ['a deletion of what is not there', [...head, 4, 8, 7, 0]],
    ['a distance of 0 spelled out', [...head, 6, 2, 0, 4, 0, 7, 0]],
    ['a gap at the start', [...head, 15, 6, 2, 0, 7, 2, 120]],
    ['a deletion of a deletion', [...head, 6, 2, 0, 3, 4, 2, 7, 0]],
    ['a huge count', [...head, 254, 255, 255, 255, 255, 255, 255, 1, 2, 0, 7, 2, 120]],
  ])('decodeText() refuses %s', (_name, bytes) => {
    expect(() => decodeText(Uint8Array.from(bytes), { replica: 'b' })).toThrow(DecodeError)
  })

  test('origins in a circle never become text', () => {
    // Two replicas, the character of each right child of the other's.
    const rows = [6, 2, 2, 2, 7]
    const circle = Uint8Array.from([1, 15, 2, 3, 97, 3, 98, 0, ...rows, 0, 6, 2, 1, 2, 7, 4, 120, 121])
    const text = createText({ replica: 'c' })
    expect(text.merge(circle)).toBe(true)
    expect([text.toString(), text.hasGaps]).toEqual(['', true])
    const read = decodeText(circle, { replica: 'c' })
    expect([read.toString(), read.hasGaps, hex(read)]).toEqual([
      '',
      true,
      Buffer.from(circle).toString('hex'),
    ])
  })

  test('a deletion that is half taken in is no character either', () => {
    const edits = {
      a: [
        { at: 1, insert: ['xyz'], after: null },
        { at: 4, delete: 2, target: ['b', 1] },
      ],
      b: [{ at: 1, insert: ['q'], after: null }],
      c: [{ at: 1, delete: 1, target: ['a', 4] }],
    }
    expect(() => textFromJSON({ type: 'text', edits }, { replica: 'd' })).toThrow(DecodeError)
  })

  const insertion = { at: 1, insert: ['x'], after: null }
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['another type', { type: 'cart', edits: {} }],
    ['edits that are no lists', { type: 'text', edits: { a: 1 } }],
    ['an edit that is none', { type: 'text', edits: { a: [1] } }],
    ['an edit without origins', { type: 'text', edits: { a: [{ at: 1, insert: ['x'] }] } }],
    ['half a surrogate pair', { type: 'text', edits: { a: [{ ...insertion, insert: ['\ud800'] }] } }],
    ['an empty insertion', { type: 'text', edits: { a: [{ ...insertion, insert: [] }] } }],
    ['a counter of 0', { type: 'text', edits: { a: [{ ...insertion, at: 0 }] } }],
    ['a character of nobody', { type: 'text', edits: { a: [{ ...insertion, after: ['', 1] }] } }],
    ['a deletion without target', { type: 'text', edits: { a: [{ at: 1, delete: 1 }] } }],
    [
      'deleted characters that nobody deleted',
      { type: 'text', edits: { a: [{ ...insertion, insert: [1] }] } },
    ],
  ])('textFromJSON() refuses %s', (_name, json) => {
    expect(() => textFromJSON(json, { replica: 'b' })).toThrow(DecodeError)
  })

  test('names that objects already know are names like others', () => {
    const text = createText({ replica: '__proto__' })
    text.insert(0, 'x')
    const json: unknown = JSON.parse(JSON.stringify(text))
    expect(textFromJSON(json, { replica: 'b' }).toString()).toBe('x')
  })
})

describe('history', () => {
  test('collect() forgets what was deleted up to the stable version, and nothing else', () => {
    const text = createText({ replica: 'a' })
    text.insert(0, 'abcdef')
    text.delete(1, 2)
    const between = text.snapshot()
    text.delete(2, 1)
    const bytes = hex(text)
    expect(text.collect(VersionVector.of({ a: 6 }))).toBe(0)
    expect(text.textAt(VersionVector.of({ a: 6 }))).toBe('abcdef')
    expect(text.collect(between)).toBe(2)
    expect(text.textAt(between)).toBe('adef')
    expect(() => text.textAt(VersionVector.of({ a: 6 }))).toThrow(TextHistoryError)
    // Undo brings back what is kept.
    text.undo()
    expect(text.toString()).toBe('adef')
    expect(hex(text)).not.toBe(bytes)
  })
})

describe('cursors', () => {
  test('one of a peer whose edits have not come yet is not there yet', () => {
    const one = createText({ replica: 'a' })
    const other = createText({ replica: 'b' })
    const delta = one.insert(0, 'abc')
    const cursor = one.cursor(2)
    expect(other.cursorFrom(cursor.encode())).toBeUndefined()
    other.merge(delta)
    other.insert(0, '>>')
    expect(other.cursorFrom(cursor.encode())?.index).toBe(4)
    expect(other.cursorFrom(one.cursor(0).toJSON())?.index).toBe(0)
    expect(other.cursorFrom(one.cursor(3, { side: 'before' }).toJSON())?.index).toBe(5)
  })

  test.each<[string, unknown]>([
    ['no bytes', new Uint8Array()],
    ['an unknown side', Uint8Array.from([1, 2, 0])],
    ['bytes after the end', Uint8Array.from([1, 1, 0, 0])],
    ['a counter of 0', Uint8Array.from([1, 1, 1, 97, 0])],
    ['nothing', null],
    ['a side that is none', { side: 'left', character: null }],
    ['a character that is none', { side: 'after', character: ['a'] }],
    ['a deletion', { side: 'after', character: ['a', 2] }],
  ])('cursorFrom() refuses %s', (_name, source) => {
    const text = createText({ replica: 'a' })
    text.insert(0, 'x')
    text.delete(0, 1)
    expect(() => text.cursorFrom(source as Uint8Array)).toThrow(DecodeError)
  })
})
