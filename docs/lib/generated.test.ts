import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { dependencyGraph, packageTable, PLACES, renewed } from './generated.ts'
import { documentedPackages } from './packages.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

test.each(PLACES)('$part in $file is up to date (else: node docs/lib/write-generated.ts)', (place) => {
  const text = readFileSync(join(root, place.file), 'utf8')
  expect(text).toBe(renewed(text, place.part, place.text()))
})

test('packageTable() has a line for every package', () => {
  const table = packageTable()
  for (const { folder } of documentedPackages()) expect(table).toContain(`\`${folder}\``)
})

test('dependencyGraph() draws what package.json says, and no primitive leans on a tool', () => {
  const graph = dependencyGraph()
  expect(graph).toContain('  crdt --> vector-clock')
  expect(graph).toContain('  local-cluster --> chaos')
  expect(graph).not.toMatch(/(?<!local-cluster) --> (chaos|local-cluster)/)
})

test('dependencyGraph() has no cycle', () => {
  const edges = [...dependencyGraph().matchAll(/^ {2}(\S+) --> (\S+)$/gm)].map(([, from, to]) => [from, to])
  let left = edges
  for (;;) {
    const without = left.filter(([, to]) => left.some(([from]) => from === to)) // drop edges into leaves
    if (without.length === left.length) break
    left = without
  }
  expect(left).toEqual([])
})

test('renewed() replaces the part between its marks and nothing else', () => {
  const text = 'a\n<!-- generated:x -->\nold\n<!-- /generated:x -->\nb\n'
  expect(renewed(text, 'x', 'new')).toBe('a\n<!-- generated:x -->\n\nnew\n\n<!-- /generated:x -->\nb\n')
  expect(() => renewed('nothing', 'x', 'new')).toThrow('There is no')
})
