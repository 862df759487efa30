import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cleanLine, COLUMNS, type RawLine } from './clean-line.ts'

const good: RawLine = {
  InvoiceNo: '536365',
  StockCode: '85123a',
  Description: ' WHITE HANGING HEART ',
  Quantity: '6',
  InvoiceDate: '2010-12-01 08:26:00',
  UnitPrice: '2.55',
  CustomerID: '17850.0',
  Country: 'United Kingdom',
}
const reasonOf = (changes: Partial<RawLine>): string | undefined => {
  const cleaned = cleanLine({ ...good, ...changes })
  return 'dirty' in cleaned ? cleaned.dirty : undefined
}

describe('cleanLine()', () => {
  test('reads a sale', () => {
    expect(cleanLine(good)).toEqual({
      line: {
        invoice: '536365',
        kind: 'sale',
        sku: '85123A',
        description: 'WHITE HANGING HEART',
        quantity: 6,
        priceCents: 255,
        customer: '17850',
        country: 'United Kingdom',
      },
    })
  })

  test('reads a cancellation with its quantity turned positive', () => {
    expect(cleanLine({ ...good, InvoiceNo: 'C536379', Quantity: '-2' })).toMatchObject({
      line: { kind: 'cancellation', quantity: 2 },
    })
  })

  test.each([
    ['no invoice number', { InvoiceNo: '' }],
    ['odd stock code', { StockCode: 'POST' }],
    ['odd stock code', { StockCode: 'BANK CHARGES' }],
    ['no customer', { CustomerID: '' }],
    ['no customer', { CustomerID: 'nan' }],
    ['quantity is not a whole number', { Quantity: '1.5' }],
    ['quantity is not a whole number', { Quantity: '' }],
    ['price is not a number', { UnitPrice: '' }],
    ['price is not a number', { UnitPrice: '0x10' }],
    ['zero price', { UnitPrice: '0.0' }],
    ['zero price', { UnitPrice: '0.001' }],
    ['negative price', { UnitPrice: '-11062.06' }],
    ['negative quantity', { Quantity: '-3' }],
    ['negative quantity', { Quantity: '0' }],
    ['positive quantity in a cancellation', { InvoiceNo: 'C536379' }],
  ] satisfies [string, Partial<RawLine>][])('calls it "%s": %o', (reason, changes) => {
    expect(reasonOf(changes)).toBe(reason)
  })

  test('never throws and never lets through what a shop cannot sell', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.constantFrom('', '0', '-1', '1e999', 'NaN', '536365', '85123A', '17850.0', '2.55'),
    )
    const raw = fc.record(
      Object.fromEntries(COLUMNS.map((column) => [column, anything])) as Record<
        keyof RawLine,
        typeof anything
      >,
    )
    fc.assert(
      fc.property(raw, (line) => {
        const cleaned = cleanLine(line)
        if ('dirty' in cleaned) return
        const { quantity, priceCents, customer, sku } = cleaned.line
        expect(Number.isSafeInteger(quantity) && quantity > 0).toBe(true)
        expect(Number.isSafeInteger(priceCents) && priceCents > 0).toBe(true)
        expect(customer).toMatch(/^\d+$/)
        expect(sku).toMatch(/^\d{5}[A-Z]{0,2}$/)
      }),
      { numRuns: 2_000 },
    )
  })
})
