import { testDatabase } from '@quorate/local-cluster/vitest'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { PostgresSagaStore } from '../src/postgres/postgres-store.ts'
import { sagaStoreContract } from '../src/testing/index.ts'

const db = await testDatabase()
const pool = new pg.Pool({ connectionString: db.url, max: 5 })
pool.on('error', () => {}) // the server may end a connection that is closing
afterAll(() => pool.end())

let schemas = 0

test.each(sagaStoreContract)('Postgres: $name', async ({ run }) => {
  const makeStore = async () => {
    const store = new PostgresSagaStore({
      pool,
      schema: `contract_${++schemas}`,
      idleInTransactionMs: 10_000,
      wait: () => Promise.resolve(),
    })
    await store.migrate()
    return store
  }
  await expect(run(makeStore)).resolves.toBeUndefined()
})
