import { expect, test } from 'vitest'
import { carrier } from './carrier.ts'

const tokensOf = (header: string, cookie?: string): string[] =>
  carrier({}).tokensOf((name) =>
    name === 'cookie' ? cookie : name === 'quorate-session' ? header : undefined,
  )

test('tokensOf() takes each token of header and cookie once, whatever spaces and commas are between', () => {
  expect(tokensOf(' a ,b,, a\t, ', 'quorate-session=b')).toEqual(['a', 'b'])
  expect(tokensOf('', 'quorate-session=c')).toEqual(['c'])
})

// Node takes 16 KiB of headers. With a regular expression that looks for the spaces this took 900 ms for each.
test('tokensOf() does not take long for a header of spaces', () => {
  const header = `a${' '.repeat(16_000)}b`
  const before = process.cpuUsage()
  expect(tokensOf(header)).toEqual([header])
  const { user, system } = process.cpuUsage(before)
  expect(user + system).toBeLessThan(100_000)
})
