import { CamelCasePlugin, Kysely, PostgresDialect, type Generated } from 'kysely'
import pg from 'pg'
import { testDatabase } from '@quorate/local-cluster/vitest'
import { afterAll } from 'vitest'

/** The rows as `pg` gives them. */
export interface Stock {
  sku: string
  warehouse: number
  available: number
  reserved: number
  version: number
}

/** The same rows as Kysely's CamelCasePlugin gives them, where a name has two words. */
export interface Database {
  stock: {
    sku: string
    warehouse: number
    available: Generated<number>
    reserved: Generated<number>
    version: Generated<number>
  }
  reservation: { orderId: string; sku: string; quantity: number }
  hotItem: { itemId: string; unitsLeft: number; unitsMax: number; rowVersion: Generated<string> }
}

const TABLES = `
  CREATE TABLE stock (
    sku text, warehouse int, available int NOT NULL DEFAULT 0, reserved int NOT NULL DEFAULT 0,
    version int NOT NULL, PRIMARY KEY (warehouse, sku), CHECK (available >= 0)
  );
  CREATE TABLE reservation (order_id text, sku text, quantity int NOT NULL, PRIMARY KEY (order_id, sku));
  CREATE SCHEMA shop;
  CREATE TABLE shop.hot_item (item_id text PRIMARY KEY, units_left numeric(12,2) NOT NULL, units_max numeric(12,2) NOT NULL, row_version bigint NOT NULL);
  CREATE TABLE "odd ""table""" ("the key" text PRIMARY KEY, "select" int NOT NULL, "v'er" int NOT NULL);`

/** A fresh database with the tables of these tests, and connections that close with the test file. */
export async function connect(connections = 16): Promise<{ pool: pg.Pool; db: Kysely<Database> }> {
  const database = await testDatabase()
  const pool = new pg.Pool({ connectionString: database.url, max: connections })
  pool.on('error', () => {}) // a connection that dies while idle is the next query's problem
  await pool.query(TABLES)
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
  })
  afterAll(async () => {
    await db.destroy() // ends the pool
    await database[Symbol.asyncDispose]()
  })
  return { pool, db }
}
