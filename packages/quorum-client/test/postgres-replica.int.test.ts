import { testDatabase } from '@quorate/local-cluster/vitest'
import { quorum } from '@quorate/quorum-client'
import { postgresReplica } from '@quorate/quorum-client/postgres'
import { quorumReplicaContract } from '@quorate/quorum-client/testing'
import { afterAll, expect, test } from 'vitest'
import { Pools } from './pools.ts'

const db = await testDatabase()
const pools = new Pools()
afterAll(() => pools[Symbol.asyncDispose]())
const pool = pools.of(db.url, 10)

let tables = 0
const fresh = async () => {
  const replica = postgresReplica<unknown>({ id: 'pg', pool, table: `contract.records_${tables++}` })
  await replica.migrate()
  return replica
}

test.each(quorumReplicaContract(fresh))('contract, on Postgres: $name', async ({ run }) => {
  await expect(run()).resolves.toBe(undefined)
})

test('migrate() may run in many processes at once, and again', async () => {
  const replica = postgresReplica({ id: 'pg', pool })
  await Promise.all(Array.from({ length: 10 }, () => replica.migrate()))
  await replica.migrate()
  const { rows } = await pool.query(
    `SELECT column_name, collation_name FROM information_schema.columns
     WHERE table_schema = 'quorate' AND table_name = 'quorum_record' ORDER BY ordinal_position`,
  )
  expect(rows).toEqual([
    { column_name: 'key', collation_name: null },
    { column_name: 'tag', collation_name: 'C' },
    { column_name: 'value', collation_name: null },
  ])
})

test('of 60 puts at once from 10 connections the greatest tag stays', async () => {
  const replica = await fresh()
  const tags = Array.from(
    { length: 60 },
    (_, i) => `00000000000${(i * 37) % 10}-00${10 + ((i * 7) % 60)}-w.${i}`,
  )
  const stored = await Promise.all(tags.map((tag) => replica.putIfNewer('k', { tag, value: tag })))
  const greatest = tags.toSorted().at(-1)
  expect(await replica.get('k')).toEqual({ tag: greatest, value: greatest })
  expect(stored.filter(Boolean).length).toBeGreaterThan(0)
})

test('a client over three tables: written, lost on one, repaired by a read', async () => {
  const replicas = await Promise.all(
    ['us', 'eu', 'ap'].map(async (id) => {
      const replica = postgresReplica<{ price: number }>({ id, pool, table: `copies.${id}` })
      await replica.migrate()
      return replica
    }),
  )
  await using prices = quorum<{ price: number }>({ replicas, w: 3, r: 3 })
  const { tag } = await prices.write('sku', { price: 5 })
  await pool.query('DELETE FROM copies.eu')
  expect(await prices.read('sku')).toMatchObject({ value: { price: 5 }, tag, repaired: ['eu'] })
  expect(await prices.read('sku')).toMatchObject({ repaired: [] })
})
