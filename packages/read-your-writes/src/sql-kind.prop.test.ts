import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mayWrite } from './sql-kind.ts'

/** Text that writes, if it is not inside of a literal, a name or a comment. */
const bait = fc.constantFrom(
  'delete from note',
  'insert into note values (1)',
  'for update',
  "nextval('s')",
  'into x',
  '; drop table note',
  'merge',
)
const words = fc.string({
  unit: fc.constantFrom('a', 'é', ' ', '1', '-', '_', ';', '(', ')', '\n'),
  maxLength: 8,
})
const hidden = fc.tuple(words, bait, words).map((parts) => parts.join(' '))

/** Literals, names and comments with the bait in them, each closed. */
const literal = hidden.map((text) => `'${text.replaceAll("'", "''")}'`)
const escaped = hidden.map((text) => `E'${text.replaceAll("'", "\\'")}\\\\'`)
const dollars = fc
  .tuple(hidden, fc.constantFrom('$$', '$tag$', '$_1$', '$É$'))
  .map(([text, tag]) => `${tag}${text}${tag}`)
const quotedName = hidden.map((text) => `"${text.replaceAll('"', '""')} x"`)
const comment = fc.oneof(
  hidden.map((text) => `/*${text}*/`),
  hidden.map((text) => `/* /*${text}*/ ${text} */`),
  hidden.map((text) => `--${text.replaceAll(/[\r\n]/g, ' ')}\n`),
)
const gap = fc.oneof(
  fc.constantFrom(' ', '\n', '\t  '),
  comment.map((text) => ` ${text} `),
)

const item = fc.oneof(
  literal,
  escaped,
  dollars,
  quotedName,
  fc.constantFrom('n', 'count(*)', '$1', '1.5e3', 'lower(id)', 'a$b', '(select 1)', 'null'),
)
/** Any case, for keywords. */
const cased = (text: string): fc.Arbitrary<string> =>
  fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length }).map((upper) =>
    text
      .split('')
      .map((char, index) => (upper[index] === true ? char.toUpperCase() : char))
      .join(''),
  )

/** A query that reads, as a list of parts. */
const reading = fc
  .tuple(cased('select'), fc.array(item, { minLength: 1, maxLength: 5 }), cased('from'))
  .map(([select, items, from]) => [
    select,
    ...items.flatMap((one, index) => (index === 0 ? [one] : [',', one])),
    from,
    'note',
  ])
const joined = (parts: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(gap, { minLength: parts.length, maxLength: parts.length })
    .map((gaps) => parts.map((part, index) => `${part}${gaps[index] ?? ' '}`).join(''))

test('what looks like a write inside literals, names and comments is none', () => {
  fc.assert(
    fc.property(reading.chain(joined), (text) => {
      expect(mayWrite(text)).toBe(false)
    }),
    { numRuns: 1_000 },
  )
})

const WRITES = [
  ['for', 'update'],
  ['for', 'key', 'share'],
  ['for', 'share'],
  ['into', 'copy'],
  ['union', '(', 'delete', 'from', 'note', 'returning', '1', ')'],
  [';', 'select', '1'],
  ['where', 'nextval', '(', "'s'", ')', '>', '1'],
  ['where', '"pg_advisory_lock"', '(', '1', ')', 'is', 'null'],
]

test('a write after any of it is found, whatever the case and the gaps', () => {
  const writing = fc
    .tuple(reading, fc.constantFrom(...WRITES))
    .chain(([parts, write]) =>
      fc
        .tuple(...write.map((part) => (/^[a-z]+$/.test(part) ? cased(part) : fc.constant(part))))
        .chain((written) => joined([...parts, ...written])),
    )
  fc.assert(
    fc.property(writing, (text) => {
      expect(mayWrite(text)).toBe(true)
    }),
    { numRuns: 1_000 },
  )
})

test('any text has an answer, and one that only reads still does with a semicolon', () => {
  const unit = fc.constantFrom(
    "'",
    '"',
    '$',
    '$$',
    '/*',
    '*/',
    '--',
    '\n',
    '\\',
    'e',
    'U&',
    ';',
    '(',
    ')',
    'select ',
    'x',
    ' ',
  )
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), (tail) => {
      const text = `select ${tail}`
      const answer = mayWrite(text)
      // A line that ends in a comment hides what follows it.
      expect(mayWrite(`${text}\n;`)).toBe(answer)
    }),
    { numRuns: 2_000 },
  )
})
