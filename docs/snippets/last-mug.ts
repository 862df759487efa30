// #region setup
import { localCluster } from '@quorate/local-cluster'
import { StaleVersionError } from '@quorate/optimistic-lock'
import { optimisticRepository, table } from '@quorate/optimistic-lock/pg'
import pg from 'pg'

await using cluster = await localCluster({ postgres: { shop: {} } }) // a real Postgres, gone when we are
const pool = new pg.Pool({ connectionString: cluster.postgres.shop.primary.url })
await pool.query(`CREATE TABLE stock (
  sku text PRIMARY KEY, available int NOT NULL, price_cents int NOT NULL, version int NOT NULL)`)
// #endregion setup

// #region repository
interface Stock {
  sku: string
  available: number
  price_cents: number
  version: number
}
const stock = optimisticRepository(pool, { table: table<Stock>('stock'), key: ['sku'], version: 'version' })
await stock.insert({ sku: 'mug', available: 1, price_cents: 900 })
// #endregion repository

// #region lost-update
const ann = await stock.get({ sku: 'mug' })
const ben = await stock.get({ sku: 'mug' }) // both look at version 1
if (ann === undefined || ben === undefined) throw new Error('The mug should be there')
await stock.update(ann, { price_cents: 950 })
try {
  await stock.update(ben, { price_cents: 100 })
} catch (error) {
  if (!(error instanceof StaleVersionError)) throw error
  console.log(`Ben: expected version ${error.expected}, found ${error.actual}, outcome ${error.outcome}`)
}
// #endregion lost-update

// #region oversell
const buyers = Array.from({ length: 20 }, () => stock.decrementIf({ sku: 'mug' }, { available: 1 }))
const sold = (await Promise.all(buyers)).filter((row) => row !== undefined)
console.log(`20 buyers, 1 mug, ${sold.length} sold`)
await pool.end()
// #endregion oversell
