import fc from 'fast-check'
import { expect, test } from 'vitest'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool } = await connect(12)
const stock = optimisticRepository(pool, {
  table: table<Stock>('stock'),
  key: ['sku', 'warehouse'],
  version: 'version',
})

const sku = fc.constantFrom('a', 'b', 'c')
const quantity = fc.integer({ min: 0, max: 6 })
const order = fc.array(fc.record({ sku, quantity }), { minLength: 1, maxLength: 4, size: 'max' })
const operation = fc.oneof(
  { weight: 3, arbitrary: order },
  { weight: 1, arbitrary: fc.record({ restock: sku, quantity }) },
)
type Operation = { sku: string; quantity: number }[] | { restock: string; quantity: number }

let warehouse = 0

/** A warehouse of its own for each run, with this much of every article. */
async function stockUp(available: number): Promise<number> {
  const id = ++warehouse
  for (const name of ['a', 'b', 'c']) await stock.insert({ sku: name, warehouse: id, available })
  return id
}

/** Runs one operation; says whether it was granted. */
async function apply(id: number, step: Operation): Promise<boolean> {
  if (!Array.isArray(step)) {
    const row = await stock.incrementIf(
      { sku: step.restock, warehouse: id },
      { available: step.quantity },
      { max: { available: 20 } },
    )
    return row !== undefined
  }
  const [only] = step
  if (step.length === 1 && only !== undefined) {
    const row = await stock.decrementIf({ sku: only.sku, warehouse: id }, { available: only.quantity })
    if (row !== undefined && row.available < 0) throw new Error(`Oversold: ${row.available} left`)
    return row !== undefined
  }
  const result = await stock.decrementAllIf(
    step.map((line) => ({ key: { sku: line.sku, warehouse: id }, by: { available: line.quantity } })),
  )
  const oversold = result.granted && result.rows.some((row) => row.available < 0)
  if (oversold) throw new Error('Oversold in an order of several lines')
  return result.granted
}

/** The obvious shop: a map and an if. */
function model(shelf: Map<string, number>, step: Operation): boolean {
  const next = new Map(shelf)
  const lines = Array.isArray(step) ? step : [{ sku: step.restock, quantity: -step.quantity }]
  for (const line of lines) next.set(line.sku, (next.get(line.sku) ?? 0) - line.quantity)
  const touched = lines.map((line) => next.get(line.sku) ?? 0)
  // Only what goes down is bounded by 0, only what goes up by 20.
  if (Array.isArray(step) ? touched.some((count) => count < 0) : touched.some((count) => count > 20))
    return false
  for (const [name, count] of next) shelf.set(name, count)
  return true
}

async function counts(id: number): Promise<Map<string, number>> {
  const { rows } = await pool.query('SELECT sku, available FROM stock WHERE warehouse = $1 ORDER BY sku', [
    id,
  ])
  return new Map(rows.map((row: Stock) => [row.sku, row.available]))
}

test('one after the other, adjustments are granted exactly when the obvious model grants them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(12),
      fc.array(operation, { maxLength: 12, size: 'max' }),
      async (start, steps) => {
        const id = await stockUp(start)
        const expected = new Map([...(await counts(id)).keys()].map((name) => [name, start]))
        for (const step of steps) expect(await apply(id, step)).toBe(model(expected, step))
        expect(await counts(id)).toEqual(expected)
      },
    ),
    { numRuns: 60 },
  )
})

test('all at once, what is left is what was there and what was granted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(30),
      fc.array(operation, { minLength: 8, maxLength: 40, size: 'max' }),
      async (start, steps) => {
        const id = await stockUp(start)
        const granted = await Promise.all(steps.map((step) => apply(id, step)))
        const expected = new Map(['a', 'b', 'c'].map((name) => [name, start]))
        for (const [index, step] of steps.entries()) {
          if (granted[index] !== true) continue
          const lines = Array.isArray(step) ? step : [{ sku: step.restock, quantity: -step.quantity }]
          for (const line of lines) expected.set(line.sku, (expected.get(line.sku) ?? 0) - line.quantity)
        }
        const left = await counts(id)
        expect(left).toEqual(expected)
        for (const count of left.values()) expect(count).toBeGreaterThanOrEqual(0)
      },
    ),
    { numRuns: 40 },
  )
})
