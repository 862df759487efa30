import { DecodeError } from '@quorate/vector-clock'
import { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  elementOf,
  elementStep,
  lastStep,
  leafOf,
  MAX_MAP_DEPTH,
  MAX_MAP_PATH,
  nameOf,
  parentOf,
  pathFromJSON,
  pathToJSON,
  readPath,
  stepOf,
  stepsOf,
  type Tag,
  tagOf,
  writePath,
} from './path.ts'

const name = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('', '\n', '\\', '\\n', '\\\\n\n', '__proto__', 'a', 'b'),
)
const element = fc.oneof(
  name,
  fc.integer(),
  fc.constantFrom(0.5, 1e-7, -3),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
)
const container = fc
  .tuple(fc.constantFrom('r' as const, 'm' as const), name)
  .map(([tag, one]) => stepOf(tag, one))
const end = fc.oneof(
  fc
    .tuple(fc.constantFrom('v' as const, 'c' as const, 'n' as const, 'f' as const), name)
    .map(([tag, one]) => stepOf(tag, one)),
  fc.tuple(name, element).map(([one, inside]) => stepOf('s', one) + elementStep(inside)),
  fc.tuple(name, fc.constantFrom('tv', '\n')).map(([one, sku]) => stepOf('b', one) + stepOf('q', sku)),
)
const path = fc
  .tuple(fc.array(container, { maxLength: 3 }), end)
  .map(([steps, last]) => steps.join('') + last)

const encode = (paths: readonly string[]): Uint8Array => {
  const writer = new ByteWriter()
  paths.forEach((one, i) => writePath(writer, one, paths[i - 1]))
  return writer.finish()
}
const decode = (bytes: Uint8Array, count: number): string[] => {
  const reader = new ByteReader(bytes, 'or-map')
  const paths: string[] = []
  for (let i = 0; i < count; i++) paths.push(readPath(reader, paths.at(-1)))
  reader.end()
  return paths
}

/** The bytes of a step with a name of ASCII, from the table of the format. */
const written = (tag: Tag, ascii: string): number[] => [
  ascii.length * 16 + 'rmsbvcnftdiq'.indexOf(tag),
  ...Buffer.from(ascii),
]

test('paths come back as they went, from bytes and from JSON', () => {
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 20 }), (all) => {
      const sorted = all.toSorted()
      expect(decode(encode(sorted), sorted.length)).toEqual(sorted)
      for (const one of sorted) expect(pathFromJSON(JSON.parse(JSON.stringify(pathToJSON(one))))).toBe(one)
    }),
    { numRuns: 500 },
  )
})

test('names and elements come back from their steps, and differ where these do', () => {
  fc.assert(
    fc.property(name, name, element, (a, b, inside) => {
      expect([tagOf(stepOf('v', a)), nameOf(stepOf('v', a))]).toEqual(['v', a])
      expect(stepOf('v', a) === stepOf('v', b)).toBe(a === b)
      expect(elementOf(elementStep(inside))).toBe(inside)
      const whole = stepOf('r', a) + stepOf('r', b) + stepOf('n', a)
      expect(stepsOf(whole)).toEqual([stepOf('r', a), stepOf('r', b), stepOf('n', a)])
      expect([parentOf(whole), lastStep(whole), leafOf(whole)]).toEqual([
        stepOf('r', a) + stepOf('r', b),
        stepOf('n', a),
        'n',
      ])
      expect(parentOf(stepOf('n', a))).toBe('')
    }),
  )
})

test('1, 1n and "1" are three elements', () => {
  expect(new Set([elementStep(1), elementStep(1n), elementStep('1')]).size).toBe(3)
})

test('changed or random bytes give a path with the same bytes, or a DecodeError', () => {
  const changed = fc
    .tuple(fc.uniqueArray(path, { minLength: 2, maxLength: 2 }), fc.nat(), fc.nat({ max: 255 }))
    .map(([pair, at, byte]) => {
      const bytes = encode(pair.toSorted())
      return bytes.with(at % bytes.length, byte)
    })
  let valid = 0
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ minLength: 4, maxLength: 30 })), (bytes) => {
      try {
        const paths = decode(bytes, 2)
        valid++
        // Without the order, which the fragment's codec checks: what shares more than it may is refused here.
        expect(encode(paths)).toEqual(bytes)
        for (const one of paths) expect(pathFromJSON(pathToJSON(one))).toBe(one)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    { numRuns: 3_000 },
  )
  expect(valid).toBeGreaterThan(100)
})

test.each([
  [
    'what is shared, written again',
    [0, ...written('m', 'x'), ...written('n', 'a'), 0, ...written('m', 'x'), ...written('n', 'b')],
  ],
  ['a whole path shared', [0, ...written('n', 'a'), 1, ...written('n', 'b')]],
  ['more shared than there is', [0, ...written('n', 'a'), 2, ...written('n', 'b')]],
  ['a step shared by the first', [1, ...written('n', 'a'), 0, ...written('n', 'b')]],
  ['an unknown kind', [0, 12 + 16, 97, 0, ...written('n', 'b')]],
  [
    'a number not as it is written',
    [0, ...written('s', 'x'), ...written('d', '1.0'), 0, ...written('n', 'b')],
  ],
])('%s is refused in bytes', (_, bytes) => {
  expect(() => decode(Uint8Array.from(bytes), 2)).toThrow(DecodeError)
})

test('steps are spelled like this for ever', () => {
  const paths = [stepOf('m', 'x') + stepOf('n', 'a'), stepOf('m', 'x') + stepOf('r', 'é') + stepOf('v', '')]
  expect([...encode(paths)]).toEqual([
    0,
    ...written('m', 'x'),
    ...written('n', 'a'),
    1,
    2 * 16,
    0xc3,
    0xa9,
    4,
  ])
  const alone: [path: string, bytes: number[]][] = [
    [stepOf('s', 'x') + elementStep('a'), [0, 18, 120, 24, 97]],
    [stepOf('s', 'x') + elementStep(7), [0, 18, 120, 25, 55]],
    [stepOf('s', 'x') + elementStep(7n), [0, 18, 120, 26, 55]],
    [stepOf('b', 'x') + stepOf('q', 'a'), [0, 19, 120, 27, 97]],
    [stepOf('c', 'x'), [0, 21, 120]],
    [stepOf('f', 'x'), [0, 23, 120]],
  ]
  for (const [one, bytes] of alone) expect([...encode([one])]).toEqual(bytes)
})

const TOO_LONG = 'x'.repeat(MAX_MAP_PATH)
const DEEP = (steps: number): string => stepOf('r', 'x').repeat(steps) + stepOf('n', 'x')
test.each([
  ['nothing', []],
  ['a container alone', [['map', 'x']]],
  ['an element outside of a set', [['text', 'x']]],
  [
    'a SKU in a set',
    [
      ['set', 'x'],
      ['sku', 'y'],
    ],
  ],
  [
    'a text in a cart',
    [
      ['cart', 'x'],
      ['text', 'y'],
    ],
  ],
  [
    'an empty SKU',
    [
      ['cart', 'x'],
      ['sku', ''],
    ],
  ],
  [
    'more after a leaf',
    [
      ['counter', 'x'],
      ['counter', 'y'],
    ],
  ],
  ['an unknown kind', [['tree', 'x']]],
  ['a name that is no text', [['counter', 1]]],
  ['half of a pair', [['counter', '\ud800']]],
  [
    'a number as text',
    [
      ['set', 'x'],
      ['number', '1'],
    ],
  ],
  [
    'NaN',
    [
      ['set', 'x'],
      ['number', Number.NaN],
    ],
  ],
  [
    'a text as bigint',
    [
      ['set', 'x'],
      ['bigint', '1'],
    ],
  ],
  ['no list', { 0: ['counter', 'x'] }],
  ['no pairs', ['counter']],
  [
    'too long a way',
    [
      ['map', TOO_LONG],
      ['counter', 'x'],
    ],
  ],
  ['too deep', pathToJSON(DEEP(MAX_MAP_DEPTH))],
])('%s is no path', (_, json) => {
  expect(pathFromJSON(json)).toBeUndefined()
})

test('the deepest path and the longest way are paths, in bytes too', () => {
  const deepest = DEEP(MAX_MAP_DEPTH - 1)
  const longest = stepOf('m', 'x'.repeat(MAX_MAP_PATH - 2)) + stepOf('n', 'y'.repeat(5_000))
  for (const one of [deepest, longest]) {
    expect(pathFromJSON(pathToJSON(one))).toBe(one)
    expect(decode(encode([one]), 1)).toEqual([one])
  }
  for (const one of [DEEP(MAX_MAP_DEPTH), stepOf('m', 'x'.repeat(MAX_MAP_PATH - 1)) + stepOf('n', 'y')]) {
    expect(pathFromJSON(pathToJSON(one))).toBeUndefined()
    expect(() => decode(encode([one]), 1)).toThrow(DecodeError)
  }
})
