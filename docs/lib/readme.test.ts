import { expect, test } from 'vitest'
import { readmeAsPage } from './readme.ts'

test.each([
  ['[core](../core/README.md)', '[core](/reference/packages/core)'],
  ['[core](../core)', '[core](/reference/packages/core)'],
  ['[core](../../packages/core/)', '[core](/reference/packages/core)'],
  ['[all](../../README.md)', '[all](/)'],
  [
    '[Nest](guides/nest.md) and [back](../README.md)',
    '[Nest](/reference/guides/crdt-nest) and [back](/reference/packages/crdt)',
  ],
  ['[Changelog](CHANGELOG.md)', 'Changelog'],
  ['[not yet](../outbox/README.md)', 'not yet'],
  [
    '[paper](https://example.org/a.pdf) and [below](#errors)',
    '[paper](https://example.org/a.pdf) and [below](#errors)',
  ],
  ['text<!-- hidden\nlines -->\nmore', 'textmore'],
])('readmeAsPage() turns %j into %j', (readme, page) => {
  expect(readmeAsPage(readme, 'crdt', ['core'])).toBe(page)
})
