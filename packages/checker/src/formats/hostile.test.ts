import { describe, expect, test } from 'vitest'
import { HistoryFormatError } from '../errors.ts'
import { growthOf, MOST_IF_LINEAR } from '../testing/growth.ts'
import type { HistoryFormat } from './detect-format.ts'
import { parseHistory } from './parse-history.ts'

function refusalOf(text: string, format?: HistoryFormat): HistoryFormatError {
  try {
    parseHistory(text, { file: 'bad', format })
  } catch (error) {
    if (error instanceof HistoryFormatError) return error
    throw error
  }
  throw new Error('it was read')
}

const event = (value: string): string => `{:process 0, :type :invoke, :f :write, :value ${value}}`

describe('parseHistory() stays small on text that wants to be large', () => {
  test('maps as keys of maps, whose escapes double at every level', () => {
    const nested = `${'{'.repeat(40)}}${' 1}'.repeat(39)}`
    expect(refusalOf(event(nested)).reason).toMatch(/^a collection too large to be a key: /)
    expect(parseHistory(event('{{} 1, [1 2] 2, #{:b :a} 3}')).operations[0]?.input).toEqual({
      '{}': 1,
      '[1,2]': 2,
      '["a","b"]': 3,
    })
  })

  test('a set of large elements is sorted by texts that are made once', () => {
    const element = (i: number): string => `[${i} ${':x '.repeat(2_000)}]`
    const set = `#{${Array.from({ length: 300 }, (_, i) => element((i * 7) % 300)).join(' ')}}`
    const { input } = parseHistory(event(set)).operations[0] as { input: unknown[][] }
    expect(input.map(([first]) => String(first))).toEqual(
      Array.from({ length: 300 }, (_, i) => String(i)).toSorted(),
    )
  })

  test('a reason is short, however long the name that it quotes', () => {
    const long = 'a'.repeat(1_000_000)
    for (const text of [
      event(`\\${long}`),
      event(`##${long}`),
      `${event('1')} {:process "${long}" :type :ok :f :x}`,
    ])
      expect(refusalOf(text).message.length).toBeLessThan(600)
  })

  test('empty lines of AWDIT text take nothing', () => {
    const before = process.memoryUsage().heapUsed
    const text = `r 1 2\n${'\n'.repeat(20_000_000)}w 1 2`
    expect(parseHistory(text, { format: 'awdit' }).operations).toHaveLength(1)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000)
  })

  test('many faults are healed in linear time', () => {
    const textOf = (n: number): string => {
      const broken = Array.from({ length: n }, (_, i) => `{:process :nemesis :type :info :f :k${i}}`)
      return [...broken, '{:process :nemesis :type :info :f :heal}'].join('\n')
    }
    expect(growthOf(2_500, textOf, parseHistory)).toBeLessThan(MOST_IF_LINEAR)
    const { faults } = parseHistory(textOf(40_000))
    expect(faults.map(({ end }) => end)).toEqual(faults.map(() => 40_000))
  })

  test('objects within values are not kept by line, and no more are than there can be events', () => {
    const value = `[${'{},'.repeat(1_000)}{}]`
    const text = `[{"type":"invoke","process":0,"f":"write","value":${value}},\n{"type":"oops"}]`
    expect(refusalOf(text).line).toBe(2)
    const many = `[${'{},'.repeat(50)}{}]`
    expect(() => parseHistory(many, { maxOperations: 5 })).toThrow(HistoryFormatError)
  })
})

describe('parseHistory() refuses as a HistoryFormatError', () => {
  test.each(['[nil]', '(nil)', 'nil nil', '[1]', '[[] 1]', '[null]', '[[null]]', '{"history":[null]}'])(
    '%s',
    (text) => {
      expect(refusalOf(text).file).toBe('bad')
    },
  )

  test.each(['constructor', 'toString', '__proto__'])('\\%s is no character', (name) => {
    expect(refusalOf(event(`\\${name}`)).reason).toBe(`\\${name} is no character`)
  })
})
