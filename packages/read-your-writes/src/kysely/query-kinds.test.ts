import {
  CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import { expect, test } from 'vitest'
import { QueryKinds } from './query-kinds.ts'

const kysely = new Kysely<{ note: { id: string; n: number } }>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})
const note = kysely.selectFrom('note').selectAll()

test.each<[string, { compile(): CompiledQuery }, boolean]>([
  ['a select', note, true],
  [
    'one with words of writes as values and names',
    note.where('id', '=', 'for update').select('n as delete'),
    true,
  ],
  ['one that locks', note.forUpdate(), false],
  [
    'one with a CTE that writes',
    kysely
      .with('a', (qb) => qb.deleteFrom('note'))
      .selectFrom('note')
      .selectAll(),
    false,
  ],
  [
    'one with a function that writes',
    kysely.selectNoFrom((eb) => eb.fn('nextval', [eb.val('s')]).as('n')),
    false,
  ],
  [
    'one with a function of your own that writes',
    kysely.selectNoFrom((eb) => eb.fn('shop.bump').as('n')),
    false,
  ],
  ['an insert', kysely.insertInto('note').values({ id: 'a', n: 1 }), false],
  ['an update', kysely.updateTable('note').set({ n: 1 }), false],
  ['a schema', kysely.schema.dropTable('note'), false],
])('%s', (_, query, reads) => {
  const kinds = new QueryKinds(new Set(['bump']))
  const compiled = query.compile()
  expect(kinds.onlyReads(compiled)).toBe(reads)
  // What is remembered is the same.
  expect(kinds.onlyReads(compiled)).toBe(reads)
})

test('answers stay right when there are more texts than are remembered, and longer ones', () => {
  const kinds = new QueryKinds(new Set())
  const filler = 'x'.repeat(5_000)
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 1_500; n++) {
      const text = `select ${n}${n % 3 === 0 ? ' for update' : ''}${n % 100 === 0 ? ` -- ${filler}` : ''}`
      expect(kinds.onlyReads(CompiledQuery.raw(text))).toBe(n % 3 !== 0)
    }
  }
})
