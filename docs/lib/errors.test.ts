import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { errorsMarkdown, readErrors, RECORDED } from './errors.ts'
import { documentedPackages } from './packages.ts'

const docs = join(dirname(fileURLToPath(import.meta.url)), '..')
const { entries, used, words } = readErrors()
const codes = entries.map(({ code }) => code)

test('every QUORATE_ code in the sources has an entry on the errors page', () => {
  expect(used.length).toBeGreaterThan(10) // the search itself works
  expect(used.filter(({ code }) => !codes.includes(code))).toEqual([])
})

test('every entry says what it means', () => {
  expect(entries.filter(({ text }) => text === '').map(({ code }) => code)).toEqual([])
})

test('no code has two entries', () => {
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([])
})

test('no entry is left over from a code that is gone', () => {
  expect(codes.filter((code) => !used.some((use) => use.code === code))).toEqual([])
  expect(Object.keys(RECORDED).filter((code) => !codes.includes(code))).toEqual([])
})

/** Does not even list what a build of the site writes and removes: one may be under way. */
function pagesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory())
      return ['node_modules', 'api', '.vitepress'].includes(entry.name) ? [] : pagesIn(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

test('no page and no README names a code that is gone', () => {
  const pages = pagesIn(docs).map((file) => ({ name: basename(file), text: readFileSync(file, 'utf8') }))
  const readmes = documentedPackages().map(({ folder, readme }) => ({ name: folder, text: readme ?? '' }))
  const leftOver = [...pages, ...readmes].flatMap(({ name, text }) =>
    [...text.matchAll(/QUORATE_[A-Z_]*[A-Z]/g)]
      .map(([word]) => word)
      .filter((word) => !words.has(word) && !word.startsWith('QUORATE_EXAMPLE_'))
      .map((word) => `${name}: ${word}`),
  )
  expect(leftOver).toEqual([])
})

test('errorsMarkdown() shows class, package, outcome and facts', () => {
  const section = errorsMarkdown(entries.filter(({ code }) => code === 'QUORATE_RETRY_EXHAUSTED'))
  expect(section).toContain('## QUORATE_RETRY_EXHAUSTED')
  expect(section).toContain('`RetryExhaustedError` of [@quorate/core](/reference/packages/core)')
  expect(section).toContain('outcome `not-applied` or `unknown`')
  expect(section).toContain('| `attempts` | `number` | How many times the operation was called. |')
})
