import { expect, test } from 'vitest'
import { quoteIdentifier } from '../names.ts'
import { pgBatchStore } from './pg-store.ts'

/** A store over a connection that notes what it is sent. */
function storeOf(key: readonly string[]) {
  const sent: string[] = []
  const client = {
    query: async (statement: string | { text: string }) => {
      sent.push(typeof statement === 'string' ? 'plain' : 'prepared')
      return { rows: sent.length === 1 ? [{ kind: 'r', unique: true }] : [] }
    },
    release: () => {},
  }
  const shape = {
    label: 'stock',
    table: '"stock"',
    key,
    counter: 'units',
    version: undefined,
    min: 0,
    column: quoteIdentifier,
  }
  return { sent, store: pgBatchStore({ connect: async () => client }, shape) }
}

test('a batch that would have more parameters than the protocol is halved before anything is sent', async () => {
  const { sent, store } = storeOf(['sku', 'tags'])
  const session = await store.open()
  const items = (count: number) =>
    Array.from({ length: count }, (_, sku) => ({ key: { sku, tags: [sku] }, deltas: [-1] }))
  const refused = await session.apply(items(32_765))
  expect(refused).toMatchObject({
    type: 'not-applied',
    next: 'split',
    cause: {
      name: 'RangeError',
      message: expect.stringContaining('65536 parameters, expected at most 65535'),
    },
  })
  expect(sent).toEqual(['plain']) // the catalog
  await session.apply(items(32_764))
  expect(sent).toHaveLength(2)
})

test('a statement of its own is not prepared: the server would keep each for as long as the connection lives', async () => {
  const { sent, store } = storeOf(['tags'])
  const session = await store.open()
  const both = (a: unknown, b: unknown) => [a, b].map((tags) => ({ key: { tags }, deltas: [-1] }))
  await session.apply(both('a', 'b'))
  await session.apply(both('a', ['b']))
  await session.apply(both('a', '{b}'))
  expect(sent).toEqual(['plain', 'prepared', 'plain', 'plain'])
})
