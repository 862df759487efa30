import { createHash } from 'node:crypto'
import type { CartLine, Product, StockLevel } from '../api.ts'
import type { DirtyLine, OrdersFile } from './orders-file.ts'

/** Share of what the file sells that is on the shelf at the start, so that some products run out. */
export const STOCK_SHARE = 0.9
/** Share of the customers whose card the provider declines; the data has no payments of its own. */
export const DECLINED_SHARE = 0.02

export interface SaleJob {
  readonly type: 'sale'
  readonly orderId: string
  readonly items: readonly CartLine[]
  readonly paymentMethod: string
}

export interface RefundJob {
  readonly type: 'refund'
  readonly refundId: string
  /** Earlier orders of the same customer that hold these skus, newest first: where the units came from. */
  readonly orderIds: readonly string[]
  readonly items: readonly CartLine[]
}

export type Job = SaleJob | RefundJob

export interface CustomerPlan {
  readonly userId: string
  readonly country: string
  /** In the order of the file: a customer does one thing at a time, customers run side by side. */
  readonly jobs: readonly Job[]
}

/** The id of an order that had to be placed again because the shop was unavailable: the first is the plan's. */
export function attemptId(orderId: string, attempt: number): string {
  return attempt === 1 ? orderId : `${orderId}-${attempt}`
}

/** All that a replay will do: a pure function of the file and of how often it is repeated. */
export interface ReplayPlan {
  readonly products: readonly Product[]
  readonly stock: readonly StockLevel[]
  readonly customers: readonly CustomerPlan[]
  readonly jobCount: number
  readonly dirty: readonly DirtyLine[]
}

interface Invoice {
  /** As in the file; with the customer behind it where two customers share a number. */
  readonly number: string
  readonly customer: string
  readonly kind: 'sale' | 'cancellation'
  readonly units: Map<string, { quantity: number; lineNumbers: number[] }>
}

/**
 * Turns invoices into jobs. Each invoice is a cart and a checkout, each cancellation a refund of the
 * customer's earlier orders in the file; with `times` the whole is repeated under new order ids.
 */
export function planReplay(file: OrdersFile, times: number): ReplayPlan {
  const invoices = groupInvoices(file)
  const { refundable, unmatched } = matchCancellations(invoices)
  const sold = new Map<string, number>()
  for (const { kind, units } of invoices) {
    if (kind === 'sale')
      for (const [sku, { quantity }] of units) sold.set(sku, (sold.get(sku) ?? 0) + quantity)
  }

  const jobs = new Map<string, Job[]>()
  let jobCount = 0
  for (let pass = 1; pass <= times; pass++) {
    const id = (number: string): string => (pass === 1 ? number : `${number}.${pass}`)
    for (const invoice of invoices) {
      const job =
        invoice.kind === 'sale' ? saleJob(invoice, id) : refundJob(invoice, refundable.get(invoice), id)
      if (job === undefined) continue
      const own = jobs.get(invoice.customer) ?? []
      own.push(job)
      jobs.set(invoice.customer, own)
      jobCount++
    }
  }

  const country = new Map(file.lines.map((line) => [line.customer, line.country]))
  return {
    products: productsOf(file, sold),
    stock: [...sold].map(([sku, quantity]) => ({ sku, units: Math.round(quantity * times * STOCK_SHARE) })),
    customers: [...jobs].map(([customer, own]) => ({
      userId: customer,
      country: country.get(customer) ?? 'Unspecified',
      jobs: own,
    })),
    jobCount,
    dirty: [...file.dirty, ...unmatched].toSorted((a, b) => a.lineNumber - b.lineNumber),
  }
}

/** Lines of one invoice number belong together, also when other invoices stand between them. */
function groupInvoices(file: OrdersFile): Invoice[] {
  const invoices = new Map<string, Invoice>()
  const owner = new Map<string, string>()
  for (const { invoice: number, kind, customer, sku, quantity, lineNumber } of file.lines) {
    if (!owner.has(number)) owner.set(number, customer)
    const key = owner.get(number) === customer ? number : `${number}-${customer}`
    const invoice = invoices.get(key) ?? { number: key, customer, kind, units: new Map() }
    invoices.set(key, invoice)
    const entry = invoice.units.get(sku) ?? { quantity: 0, lineNumbers: [] }
    entry.quantity += quantity
    entry.lineNumbers.push(lineNumber)
    invoice.units.set(sku, entry)
  }
  return [...invoices.values()]
}

/** A cancelled line whose customer bought nothing of it earlier in the file cannot be refunded here. */
function matchCancellations(invoices: readonly Invoice[]): {
  refundable: Map<Invoice, Map<string, string[]>>
  unmatched: DirtyLine[]
} {
  const bought = new Map<string, string[]>()
  const refundable = new Map<Invoice, Map<string, string[]>>()
  const unmatched: DirtyLine[] = []
  for (const invoice of invoices) {
    const own = new Map<string, string[]>()
    for (const [sku, { lineNumbers }] of invoice.units) {
      const key = `${invoice.customer} ${sku}`
      const sales = bought.get(key)
      if (invoice.kind === 'sale') bought.set(key, [invoice.number, ...(sales ?? [])])
      else if (sales !== undefined) own.set(sku, sales)
      else unmatched.push(...lineNumbers.map((lineNumber) => unmatchedLine(invoice, sku, lineNumber)))
    }
    if (own.size > 0) refundable.set(invoice, own)
  }
  return { refundable, unmatched }
}

const unmatchedLine = (invoice: Invoice, sku: string, lineNumber: number): DirtyLine => ({
  lineNumber,
  invoice: invoice.number,
  stockCode: sku,
  reason: 'cancellation of a sale that is not in this file',
})

function saleJob(invoice: Invoice, id: (number: string) => string): SaleJob {
  return {
    type: 'sale',
    orderId: id(invoice.number),
    items: [...invoice.units].map(([sku, { quantity }]) => ({ sku, quantity })),
    paymentMethod: isDeclined(invoice.customer) ? 'pm_card_chargeDeclined' : 'pm_card_visa',
  }
}

function refundJob(
  invoice: Invoice,
  sales: Map<string, string[]> | undefined,
  id: (number: string) => string,
): RefundJob | undefined {
  if (sales === undefined) return undefined
  const items = [...invoice.units]
    .filter(([sku]) => sales.has(sku))
    .map(([sku, { quantity }]) => ({ sku, quantity }))
  const orderIds = [...new Set([...sales.values()].flat())].map(id)
  return { type: 'refund', refundId: id(invoice.number), orderIds, items }
}

/** The same customers in every run, spread evenly. */
function isDeclined(customer: string): boolean {
  return createHash('sha256').update(customer).digest().readUInt32BE(0) < DECLINED_SHARE * 2 ** 32
}

/** One price per product: the one the file uses most; the first of equals. */
function productsOf(file: OrdersFile, sold: ReadonlyMap<string, number>): Product[] {
  const prices = new Map<string, Map<number, number>>()
  const names = new Map<string, string>()
  for (const { sku, kind, description, priceCents } of file.lines) {
    if (kind !== 'sale') continue
    const count = prices.get(sku) ?? new Map<number, number>()
    count.set(priceCents, (count.get(priceCents) ?? 0) + 1)
    prices.set(sku, count)
    if (!names.has(sku) || names.get(sku) === sku) names.set(sku, description)
  }
  return [...sold.keys()].map((sku) => {
    const byCount = [...(prices.get(sku) ?? [])].toSorted((a, b) => b[1] - a[1])
    return { sku, name: names.get(sku) ?? sku, priceCents: byCount[0]?.[0] ?? 1 }
  })
}
