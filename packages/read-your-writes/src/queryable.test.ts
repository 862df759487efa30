import { expect, test } from 'vitest'
import type { PgStatement } from './postgres/port.ts'
import { LentQueryable, type LentOptions } from './queryable.ts'

function lent(options?: LentOptions): { readonly queryable: LentQueryable; readonly asked: unknown[][] } {
  const asked: unknown[][] = []
  const client = {
    query: async (...input: unknown[]) => {
      asked.push(input)
      return { rows: [], rowCount: 0, command: 'SELECT' }
    },
    release: () => {},
    on: () => {},
    removeListener: () => {},
  }
  return { queryable: new LentQueryable(client, options), asked }
}

test('a statement of a query builder goes to the driver with all that it says', async () => {
  const { queryable, asked } = lent()
  const statement: PgStatement = {
    text: 'select $1',
    name: 'one',
    rowMode: 'array',
    types: { getTypeParser: 1 },
  }
  await queryable.query(statement, [1])
  await queryable.query({ text: 'select $1', values: [2] })
  await queryable.query({ text: 'select $1', values: [2] }, [3])
  expect(asked).toEqual([
    [statement, [1]],
    [{ text: 'select $1', values: [2] }, [2]],
    [{ text: 'select $1', values: [2] }, [3]],
  ])
})

test('a statement is looked through for writes, whatever it comes in', async () => {
  const { queryable } = lent({ canWrite: true })
  await queryable.query({ text: 'select 1' })
  expect(queryable.wrote).toBe(false)
  await queryable.query({ text: "select nextval('n')" })
  expect(queryable.wrote).toBe(true)
})

test('a cursor or a stream is refused, though it has a text as well', async () => {
  const { queryable, asked } = lent()
  const cursor = { text: 'select 1', submit: () => {} }
  await expect(queryable.query(cursor)).rejects.toThrow(/Cannot query: a cursor or a stream/)
  expect(asked).toEqual([])
})

test.each([
  ['a cancelled query', Object.assign(new Error(), { code: '40001', severity: 'ERROR' }), 'conflict', true],
  ['a write', Object.assign(new Error(), { code: '25006', severity: 'ERROR' }), 'wrote', true],
  ['a lost connection', new Error('Connection terminated unexpectedly'), 'lost', true],
  ['query_timeout of the caller', new Error('Query read timeout'), 'lost', false],
  ['statement_timeout', Object.assign(new Error(), { code: '57014', severity: 'ERROR' }), 'other', false],
  ['a row that is there', Object.assign(new Error(), { code: '23505', severity: 'ERROR' }), 'other', false],
])('%s is remembered, if another server might have answered', async (_, error, failure, isIncomplete) => {
  const client = {
    query: async (text: string) => {
      if (text !== 'select 1') throw error
      return { rows: [], rowCount: 0, command: 'SELECT' }
    },
    release: () => {},
    on: () => {},
    removeListener: () => {},
  }
  const queryable = new LentQueryable(client)
  await expect(queryable.query('select 2')).rejects.toBe(error)
  await queryable.query('select 1')
  expect(queryable).toMatchObject({ failure, isIncomplete })
})

test.each([
  'BEGIN',
  ' start transaction',
  'commit',
  'END',
  'abort;',
  'ROLLBACK',
  'rollback work',
  'rollback and chain',
  "prepare transaction 'x'",
  '-- done\n /* at last */ commit',
  'update note set n = 1; rollback',
  "rollback to s; select ';'; ; COMMIT",
])('%s inside a transaction of the router is refused before it is sent', async (text) => {
  const { queryable, asked } = lent({ isTransaction: true })
  await expect(queryable.query(text)).rejects.toThrow(
    /Cannot query: the transaction is begun and ended around/,
  )
  expect(asked).toEqual([])
  const free = lent()
  await free.queryable.query(text)
  expect(free.asked).toHaveLength(1)
})

test.each([
  'savepoint s',
  'rollback to s',
  'ROLLBACK WORK TO SAVEPOINT s',
  'release s',
  'prepare q as select 1',
  'select 1; rollback to s;',
  "select 'x; commit'; -- ; commit",
  'create function one() returns int begin atomic select 1; end',
  'do $$ begin commit; end $$; select 1',
])('%s is not', async (text) => {
  const { queryable, asked } = lent({ isTransaction: true })
  await queryable.query(text)
  expect(asked).toHaveLength(1)
})
