import { expect, test } from 'vitest'
import { HistoryFormatError } from '../errors.ts'
import type { History } from '../history.ts'
import { cpuMsOf, growthOf, MOST_IF_LINEAR } from '../testing/growth.ts'
import { dataOf, hasData, manifest, NO_DATA } from '../testing/shared-data.ts'
import { parseHistory } from './parse-history.ts'
import { serializeHistory } from './quorate-json.ts'

const SEED = Number(process.env['QUORATE_SEED'] ?? 20261121)
const AGAIN = `QUORATE_SEED=${SEED} vitest run --project unit packages/checker/src/formats/fuzz.test.ts`

/** Numbers from 0 to 1: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** What breaks readers: brackets, quotes, signs, numbers, words that mean something. */
const SPLICES =
  '[ ] ( ) { } #{ " \\ ; #_ #tag ^ : , nil null true -1 1e999 99999999999999999999 __proto__ "__proto__":1, constructor toString \n \r \t \u0001 \uFFFF \uD800 ===== ----- r(0,1,2,3) :invoke :ok :info :process'.split(
    ' ',
  )

function mutated(text: string, random: () => number): string {
  const below = (n: number): number => Math.floor(random() * n)
  let result = text
  for (let left = 1 + below(4); left > 0; left--) {
    const at = below(result.length + 1)
    const splice = SPLICES[below(SPLICES.length)] ?? ''
    const kind = below(6)
    if (kind === 0) result = result.slice(0, at)
    else if (kind === 1) result = result.slice(0, at) + splice + result.slice(at)
    else if (kind === 2) result = result.slice(0, at) + splice + result.slice(at + splice.length)
    else if (kind === 3) result = result.slice(0, at) + result.slice(at + below(30))
    else if (kind === 4) result = result.slice(0, at) + result.slice(at - below(60), at) + result.slice(at)
    else result = result.slice(0, at) + splice.repeat(1 + below(300)) + result.slice(at)
  }
  return result
}

/** Every place is taken once, operations are in order, processes do one thing at a time. */
function mustBeWellFormed({ operations, faults }: History): void {
  const places = [...operations, ...faults].flatMap(({ start, end }) => [start, end]).filter(Number.isFinite)
  expect(new Set(places).size).toBe(places.length)
  const busyUntil = new Map<unknown, number>()
  for (const [index, { start, end, status, process, ...operation }] of operations.entries()) {
    expect(operation.index).toBe(index)
    expect(end).toBeGreaterThan(start)
    expect(end === Infinity).toBe(status === 'unknown')
    expect(start).toBeGreaterThan(operations[index - 1]?.start ?? -1)
    expect(start).toBeGreaterThan(busyUntil.get(process) ?? -1)
    busyUntil.set(process, status === 'unknown' ? start : end)
  }
}

test('parseHistory() reads a mutated file or refuses it as HistoryFormatError, in bounded time', ({
  skip,
}) => {
  if (!hasData) skip(NO_DATA)
  const random = randomOf(SEED)
  // Of each format a few files that are small enough to be read thousands of times.
  const texts = manifest()
    .map(({ file }) => new TextDecoder().decode(dataOf(file)))
    .filter((text) => text.length < 12_000)
  texts.push(...texts.slice(0, 40).map((text) => serializeHistory(parseHistory(text))))
  const counts = { read: 0, refused: 0 }
  let [slowestMs, slowest] = [0, '']
  for (let round = 0; round < 6000; round++) {
    const text = mutated(texts[round % texts.length] ?? '', random)
    const tookMs = cpuMsOf(() => {
      try {
        const history = parseHistory(text, { file: 'fuzzed' })
        counts.read++
        if (round % 10 === 0) mustBeWellFormed(history)
      } catch (error) {
        if (!(error instanceof HistoryFormatError) || error.file !== 'fuzzed')
          throw new Error(`round ${round}; again: ${AGAIN}`, { cause: error })
        counts.refused++
      }
    })
    if (tookMs > slowestMs) [slowestMs, slowest] = [tookMs, text]
  }
  expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted')
  expect(({} as { a?: unknown }).a).toBe(undefined)
  expect(slowestMs, `slowest: ${slowest.slice(0, 200)}; again: ${AGAIN}`).toBeLessThan(1000)
  expect(counts.read, AGAIN).toBeGreaterThan(500) // both happen often, else the mutations are too mild or too wild
  expect(counts.refused, AGAIN).toBeGreaterThan(500)
})

test('parseHistory() takes linear time for texts that make careless readers quadratic', () => {
  const textsOf = (n: number): string[] => [
    `"${'a'.repeat(n)}`,
    `[${'"a" '.repeat(n)}`,
    `[${'"a",'.repeat(n)}`,
    `{"a":${'9'.repeat(n)}}`,
    `[${'1'.repeat(n)}]`,
    ';'.repeat(n),
    ';\n'.repeat(n),
    '\n'.repeat(n) + '[',
    '#_ 1 '.repeat(n),
    '-'.repeat(n),
    `w 0 1\n${'-'.repeat(n)}x`,
    `r(${'1'.repeat(n)}`,
    `r(0,1,2,3)\n${' '.repeat(n)}x`,
    `w 0 1\n${'a '.repeat(n)}`,
    `1 :invoke :read${' '.repeat(n)}\n`,
    `1 :invoke :read ${'1 '.repeat(n)}\n`,
    `${'1 :invoke '.repeat(n)}\n`,
    `[{"type":"${'\\u0041'.repeat(n)}`,
    '{:a '.repeat(n),
    `${'#a '.repeat(n)}1`,
    '{:type :invoke :process 0 :f :write :value #{'.concat(
      Array.from({ length: n }, (_, i) => -i).join(' '),
      '}}',
    ),
  ]
  const read = (text: string): void => {
    try {
      parseHistory(text)
    } catch (error) {
      if (!(error instanceof HistoryFormatError)) throw error
    }
  }
  for (const [at, text] of textsOf(20).entries()) {
    const growth = growthOf(10_000, (n) => textsOf(n)[at] as string, read)
    expect(growth, text.slice(0, 40)).toBeLessThan(MOST_IF_LINEAR)
  }
})
