import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readOrdersFile } from './orders-file.ts'
import { planReplay } from './plan.ts'

const folder = await mkdtemp(join(tmpdir(), 'orders file '))
afterAll(() => rm(folder, { recursive: true }))

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'
const write = async (name: string, ...lines: string[]): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, lines.join('\n'))
  return path
}

describe('readOrdersFile()', () => {
  test('keeps good lines, and lists bad ones with line number and reason', async () => {
    const path = await write(
      'mixed.csv',
      HEADER,
      '536365,85123A,"HEART, WHITE",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
      '536366,POST,POSTAGE,1,2010-12-01 08:26:00,18.0,17850.0,France',
      '536367,85123A',
      '536367,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,France,and more',
      '536368,22752,BOX,-2,2010-12-01 08:26:00,7.65,17850.0,United Kingdom',
    )
    const file = await readOrdersFile(path)
    expect(file.lines).toMatchObject([{ sku: '85123A', description: 'HEART, WHITE', lineNumber: 2 }])
    expect(file.dirty).toEqual([
      { lineNumber: 3, invoice: '536366', stockCode: 'POST', reason: 'odd stock code' },
      { lineNumber: 4, invoice: '536367', stockCode: '85123A', reason: 'wrong number of columns' },
      { lineNumber: 5, invoice: '536367', stockCode: '85123A', reason: 'wrong number of columns' },
      { lineNumber: 6, invoice: '536368', stockCode: '22752', reason: 'negative quantity' },
    ])
    expect(file).toMatchObject({ lineCount: 5, invoiceCount: 4 })
  })

  test.each([
    ['no such file', async () => join(folder, 'absent.csv'), /there is no such file/],
    ['a folder', async () => folder, /is not a file/],
    [
      'missing columns',
      async () => write('columns.csv', 'InvoiceNo,Quantity', '1,2'),
      /has no column StockCode, Description/,
    ],
    [
      'other separators',
      async () => write('semicolons.csv', HEADER.replaceAll(',', ';'), '1;2'),
      /none of the columns.*separated by ";"; separate them by commas/,
    ],
    ['an empty file', async () => write('empty.csv', ''), /holds no lines/],
    ['a header alone', async () => write('header.csv', HEADER), /holds no lines/],
    [
      'a field that never ends',
      async () => write('huge.csv', HEADER, `536365,"${'x'.repeat(200_000)}`),
      /is not a readable CSV/,
    ],
  ])('refuses %s with a line that says what to do', async (_what, make, message) => {
    await expect(readOrdersFile(await make())).rejects.toThrow(message)
  })
})

test('readOrdersFile() says when it may not read', async ({ skip }) => {
  if (process.getuid?.() === 0) skip('root may read everything')
  const path = await write('secret.csv', HEADER)
  await chmod(path, 0)
  await expect(readOrdersFile(path)).rejects.toThrow(/no permission to read it/)
})

describe('planReplay()', () => {
  const sales = [
    '536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
    '536365,85123A,HEART,4,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
    '536366,22752,BOX,1,2010-12-01 08:28:00,7.65,13047.0,United Kingdom',
    'C536379,85123A,HEART,-2,2010-12-01 09:41:00,2.55,17850.0,United Kingdom',
    'C536380,22752,BOX,-1,2010-12-01 09:41:00,7.65,99999.0,United Kingdom',
  ]

  test('makes one cart of an invoice, a refund of a cancellation, and 90 % stock', async () => {
    const plan = planReplay(await readOrdersFile(await write('plan.csv', HEADER, ...sales)), 1)
    expect(plan.customers[0]).toMatchObject({
      userId: '17850',
      jobs: [
        { type: 'sale', orderId: '536365', items: [{ sku: '85123A', quantity: 10 }] },
        {
          type: 'refund',
          refundId: 'C536379',
          orderIds: ['536365'],
          items: [{ sku: '85123A', quantity: 2 }],
        },
      ],
    })
    expect(plan.stock).toEqual([
      { sku: '85123A', units: 9 },
      { sku: '22752', units: 1 },
    ])
    expect(plan.dirty).toMatchObject([
      { lineNumber: 6, reason: 'cancellation of a sale that is not in this file' },
    ])
  })

  test('repeats under new order ids, with stock for all repeats', async () => {
    const plan = planReplay(await readOrdersFile(await write('times.csv', HEADER, ...sales)), 3)
    const ids = plan.customers.flatMap(({ jobs }) =>
      jobs.map((job) => (job.type === 'sale' ? job.orderId : job.refundId)),
    )
    expect(new Set(ids).size).toBe(9)
    expect(plan.jobCount).toBe(9)
    expect(plan.stock[0]).toEqual({ sku: '85123A', units: 27 })
  })

  test('keeps two customers apart who share an invoice number', async () => {
    const path = await write(
      'shared.csv',
      HEADER,
      sales[0] ?? '',
      '536365,22752,BOX,1,2010-12-01 08:28:00,7.65,13047.0,France',
    )
    const { customers } = planReplay(await readOrdersFile(path), 1)
    expect(customers.map(({ jobs }) => jobs[0])).toMatchObject([
      { orderId: '536365' },
      { orderId: '536365-13047' },
    ])
  })
})

const REAL = join(import.meta.dirname, '../../../../../shared/data/orders/online-retail-2010-12.csv')
test('the real file: 10,000 lines, 512 invoices, no unit lost', async ({ skip }) => {
  if (!existsSync(REAL)) skip('the shared data is not beside the project')
  const file = await readOrdersFile(REAL)
  expect(file).toMatchObject({ lineCount: 10_000, invoiceCount: 512 })
  const plan = planReplay(file, 1)
  const sold = file.lines
    .filter(({ kind }) => kind === 'sale')
    .reduce((sum, { quantity }) => sum + quantity, 0)
  const inJobs = plan.customers
    .flatMap(({ jobs }) => jobs)
    .flatMap((job) => (job.type === 'sale' ? job.items : []))
    .reduce((sum, { quantity }) => sum + quantity, 0)
  expect(inJobs).toBe(sold)
  expect(file.lines.length + file.dirty.length).toBe(10_000)
})
