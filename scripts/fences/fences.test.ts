import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Manifest } from '../lib/workspace.ts'
import { findProblems } from './find-problems.ts'

const manifest: Manifest = {
  name: '@quorate/demo',
  dependencies: { '@quorate/core': 'workspace:^' },
  peerDependencies: { pg: '*' },
  devDependencies: { 'fast-check': '*' },
}

/** What the fences say about one file of a package. */
function check(text: string, file = 'src/demo.ts', folder = 'demo'): string[] {
  const path = join('/repo/packages', folder)
  const one = { folder, path, manifest }
  return findProblems({ file: join(path, file), text, package: one }).map(
    ({ line, message }) => `${line}: ${message}`,
  )
}

describe('hidden clocks', () => {
  test.each([
    ['Date.now()', 'Date.now'],
    ["Date['now']()", 'Date.now'],
    ['const { now } = Date', 'Date.now'],
    ['new Date()', 'new Date()'],
    ['new Date', 'new Date()'],
    ['Date()', 'Date()'],
    ['performance.now()', 'performance'],
    ['globalThis.performance.now()', 'globalThis.performance'],
    ['globalThis.Date.now()', 'Date.now'],
    ['setTimeout(f, 1)', 'setTimeout'],
    ['globalThis.setTimeout(f, 1)', 'globalThis.setTimeout'],
    ['const { setInterval: every } = globalThis', 'globalThis.setInterval'],
    ['setInterval(f, 1)', 'setInterval'],
    ['setImmediate(f)', 'setImmediate'],
    ['const wait = setTimeout', 'setTimeout'],
    ['const timers = { setTimeout }', 'setTimeout'],
    ['AbortSignal.timeout(5)', 'AbortSignal.timeout'],
    ['process.hrtime.bigint()', 'process.hrtime'],
    ["import { setTimeout as wait } from 'node:timers/promises'", 'node:timers/promises'],
    ["import { performance as p } from 'perf_hooks'", 'perf_hooks'],
    ["await import('node:timers')", 'node:timers'],
  ])('%s is found', (text, what) => {
    const [found] = check(text, 'src/adapter/demo.ts')
    expect(found).toBe(`1: hidden clock: ${what}; take a Clock`)
  })
})

describe('hidden chance', () => {
  test.each([
    ['Math.random()', 'Math.random; take a Random'],
    ['const { random } = Math', 'Math.random; take a Random'],
    ['crypto.randomUUID()', 'crypto.randomUUID; take a Random'],
    ["import { randomUUID as id } from 'node:crypto'", 'crypto.randomUUID; take a Random'],
    ["import crypto from 'node:crypto'\ncrypto.randomBytes(8)", 'crypto.randomBytes; take a Random'],
    ["import { v7 } from 'uuid'", 'uuid; take a Random, or the id'],
  ])('%s is found', (text, what) => {
    expect(
      check(text, 'src/adapter/demo.ts').map((found) => found.replace(/^\d: hidden chance: /, '')),
    ).toEqual([what])
  })
})

describe('what Node 22 has not', () => {
  test.each([
    ['new AsyncDisposableStack()', 'AsyncDisposableStack'],
    ['await using pools = new AsyncDisposableStack()', 'AsyncDisposableStack'],
    ['new globalThis.DisposableStack()', 'globalThis.DisposableStack'],
    ['error instanceof SuppressedError', 'SuppressedError'],
    ['Promise.try(work)', 'Promise.try'],
    ["RegExp['escape'](text)", 'RegExp.escape'],
  ])('%s is found', (text, what) => {
    expect(check(text, 'src/cli/main.ts')).toEqual([`1: Node 22 has no ${what}`])
  })

  test.each([['test/demo.int.test.ts'], ['src/demo.test.ts']])('%s runs on ours', (file) => {
    expect(check('await using pools = new AsyncDisposableStack()', file)).toEqual([])
  })

  test.each([
    ['type Stack = AsyncDisposableStack'],
    ['await using pool = open()'],
    ['class SuppressedError extends Error {}\nthrow new SuppressedError()'],
  ])('%s is fine', (text) => {
    expect(check(text)).toEqual([])
  })
})

describe('what a fence lets through', () => {
  test.each([
    ['new Date(ms)'],
    ['Date.parse(text)'],
    ['clock.setTimeout(f)'],
    ['const options = { performance: 1 }'],
    ['type Timer = ReturnType<typeof setTimeout>'],
    ['function wait(setTimeout: (f: () => void) => void) { setTimeout(() => {}) }'],
    ['const random = seededRandom(1); random()'],
    ['// Date.now() in a comment, "Math.random()" in a text\nconst text = "Math.random()"'],
  ])('%s', (text) => {
    expect(check(text)).toEqual([])
  })

  test('a file named system-clock.ts, and tests', () => {
    const text = 'export const now = () => Date.now() + Math.random()'
    expect(check(text, 'src/system-clock.ts')).toEqual([])
    expect(check(text, 'src/demo.test.ts')).toEqual([])
    expect(check(text, 'src/demo.prop.test.ts')).toEqual([])
    expect(check(text, 'test/demo.int.test.ts')).toEqual([])
    expect(check(text, 'src/fast-clock.ts')).toHaveLength(2)
  })
})

describe('a core', () => {
  test.each([
    ["import { readFile } from 'node:fs/promises'", 'Node in a core: node:fs/promises'],
    ["import fs from 'fs'", 'Node in a core: fs'],
    ["import type { Pool } from 'pg'", 'driver in a core: pg'],
    ["type Pool = import('pg').Pool", 'driver in a core: pg'],
    ["export { Redis } from 'ioredis'", 'driver in a core: ioredis'],
  ])('may not say %s; an adapter may', (text, what) => {
    expect(check(text)).toEqual([expect.stringContaining(what)])
    expect(check(text, 'src/postgres/index.ts').filter((found) => found.includes('in a core'))).toEqual([])
  })

  test('chaos and local-cluster are Node tools, but their clock is handed in as everywhere', () => {
    expect(check("import net from 'node:net'", 'src/index.ts', 'chaos')).toEqual([])
    expect(check('Date.now()', 'src/index.ts', 'local-cluster')).toHaveLength(1)
  })
})

describe('imports', () => {
  test.each([
    ["import { x } from '../../other/src/index.ts'", 'src/demo.ts'],
    ["import { x } from '../../other/src/index.ts'", 'test/demo.int.test.ts'],
    ["import { x } from '@quorate/core/src/index.ts'", 'src/demo.test.ts'],
    ["export * from 'packages/core/src'", 'src/demo.ts'],
  ])("%s in %s goes into another package's src", (text, file) => {
    expect(check(text, file)).toEqual([expect.stringContaining("import from another package's src")])
  })

  test("a package's own files, its dependencies and itself are fine", () => {
    const text =
      "import './a.ts'\nimport '../src/b.ts'\nimport '@quorate/core'\nimport '@quorate/demo/memory'"
    expect(check(text)).toEqual([])
  })

  test('a runtime import that users would not have is found; in a test it is fine', () => {
    expect(check("import fc from 'fast-check'")).toEqual([
      expect.stringContaining('undeclared dependency: fast-check'),
    ])
    expect(check("import fc from 'fast-check'", 'src/demo.prop.test.ts')).toEqual([])
  })
})

test('a file found by the path of a URL is found, in tests too: it breaks in a folder with a space', () => {
  const text = "run(new URL('./child.ts', import.meta.url).pathname)"
  expect(check(text, 'test/demo.int.test.ts')).toEqual([expect.stringContaining('use fileURLToPath')])
  expect(check("route(new URL(request.url, 'http://x').pathname)")).toEqual([])
})
