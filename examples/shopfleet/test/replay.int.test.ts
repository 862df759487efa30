import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@quorate/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { ordersCsv } from './orders-csv.ts'
import { runShopfleet } from './run-shopfleet.ts'

let folder = ''
let orders = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shopfleet replay '))
  // Root's servers run under another account, which has to get in.
  await chmod(folder, 0o755)
  orders = join(folder, 'orders.csv')
  await writeFile(orders, ordersCsv({ invoices: 30, customers: 9 }))
})
afterAll(() => rm(folder, { recursive: true }))

const report = z.object({
  orders: z.object({
    accepted: z.int(),
    apologised: z.int(),
    refused: z.int(),
    outOfStock: z.int(),
    declined: z.int(),
    refunded: z.int(),
  }),
  dirtyLines: z.record(z.string(), z.int()),
  seconds: z.number().positive(),
  ordersPerSecond: z.number().positive(),
  stepLatencyMs: z.record(z.string(), z.object({ p50: z.number(), p99: z.number() })),
  fault: z
    .object({
      name: z.literal('orders-primary'),
      afterJobs: z.int(),
      checkoutsInFlight: z.int(),
      takenOverSeconds: z.number().positive(),
      unpaidSeconds: z.number().positive(),
      refused: z.int(),
    })
    .nullable(),
  invariants: z.array(z.object({ name: z.string(), holds: z.boolean(), proof: z.string() })).min(8),
})
const readReport = (path: string): z.infer<typeof report> =>
  report.parse(JSON.parse(readFileSync(path, 'utf8')))

test('a replay sells real orders, counts what it left out, and proves its invariants', async () => {
  const out = join(folder, 'report.json')
  const { code, stdout, stderr } = await runShopfleet([
    '--orders',
    orders,
    '--once',
    '--times',
    '2',
    '--report',
    out,
  ]).ended
  expect(`${code} ${stderr}`, stdout).toBe('0 ')
  const written = readReport(out)
  const { accepted, apologised, refused, outOfStock, declined, refunded } = written.orders
  expect(accepted + apologised + refused).toBe(60)
  expect(outOfStock + declined).toBe(refused)
  expect(accepted).toBeGreaterThan(0)
  expect(outOfStock).toBeGreaterThan(0)
  expect(refunded).toBeGreaterThan(0)
  expect(written.dirtyLines).toEqual({
    'no customer': 1,
    'zero price': 1,
    'negative quantity': 1,
    'odd stock code': 1,
    'cancellation of a sale that is not in this file': 1,
  })
  expect(written.invariants.filter(({ holds }) => !holds)).toEqual([])
  for (const step of [
    'cart',
    'checkout',
    'checkout/reserve',
    'checkout/authorise',
    'checkout/settle',
    'refund',
  ]) {
    expect(written.stepLatencyMs, step).toHaveProperty([step])
  }
})

test('the primary of orders is killed in the middle: every order is paid or not, and every invariant holds', async () => {
  const out = join(folder, 'fault.json')
  const few = join(folder, 'few.csv')
  await writeFile(few, ordersCsv({ invoices: 40, customers: 9 }))
  const { code, stdout, stderr } = await runShopfleet([
    '--orders',
    few,
    '--once',
    '--fault',
    'orders-primary',
    '--report',
    out,
  ]).ended
  expect(`${code} ${stderr}`, stdout).toBe('0 ')
  expect(stdout).toMatch(/the primary of orders was killed \(SIGKILL\), with \d+ checkouts in flight/)
  const written = readReport(out)
  const { accepted, refused } = written.orders
  expect(accepted + refused).toBe(40)
  // Customers were in the middle of it, and others could buy again after it.
  expect(written.fault?.checkoutsInFlight).toBeGreaterThan(0)
  expect(written.fault?.unpaidSeconds).toBeLessThan(written.seconds)
  expect(written.fault?.afterJobs).toBeGreaterThanOrEqual(20)
  expect(written.invariants.filter(({ holds }) => !holds)).toEqual([])
  const names = written.invariants.map(({ name }) => name)
  expect(names).toContain('an order is PAID if and only if its charge is settled')
  expect(names).toContain('nothing is left prepared')
})

test('kill -9 in the middle, then --resume: the replay goes on, every order once, every invariant holds', async () => {
  const state = join(folder, 'state')
  const first = runShopfleet(['--orders', orders, '--once', '--concurrency', '8', '--state', state])
  await jobsDone(join(state, 'journal.ndjson'), 10, first.ended)
  first.child.kill('SIGKILL')
  expect((await first.ended).signal).toBe('SIGKILL')

  const out = join(folder, 'resumed.json')
  const { code, stdout, stderr } = await runShopfleet([
    '--resume',
    '--once',
    '--state',
    state,
    '--report',
    out,
  ]).ended
  expect(`${code} ${stderr}`, stdout).toBe('0 ')
  const written = readReport(out)
  const { accepted, refused } = written.orders
  expect(accepted + refused).toBe(30)
  expect(written.invariants.filter(({ holds }) => !holds)).toEqual([])
  // Ended as it should, so nothing is kept to go on with.
  expect(await readdir(state)).toEqual([])
})

test('Ctrl-C ends a replay and leaves nothing behind', async () => {
  const temporary = await mkdtemp(join(folder, 'tmp '))
  await chmod(temporary, 0o755)
  const { child, printed, ended } = runShopfleet(['--orders', orders, '--once', '--times', '500'], {
    TMPDIR: temporary,
  })
  await printed(/orders .*\/\d+/)
  child.kill('SIGINT')
  expect((await ended).code).toBe(130)
  const left = (await readdir(temporary)).filter((name) => !name.startsWith('quorate-cache'))
  expect(left).toEqual([])
})

/** Resolves once the replay has written down that many finished orders. */
async function jobsDone(
  journal: string,
  count: number,
  ended: Promise<{ stdout: string; stderr: string }>,
): Promise<void> {
  let died: { stdout: string; stderr: string } | undefined
  void ended.then((result) => (died = result))
  for (;;) {
    if (existsSync(journal) && readFileSync(journal, 'utf8').split('"type":"job"').length > count) return
    if (died !== undefined) throw new Error(`The replay ended by itself:\n${died.stdout}${died.stderr}`)
    await systemClock.sleep(5)
  }
}
