/** A line of the orders file as it stands there; columns as in the UCI "Online Retail" data. */
export interface RawLine {
  readonly InvoiceNo: string
  readonly StockCode: string
  readonly Description: string
  readonly Quantity: string
  readonly InvoiceDate: string
  readonly UnitPrice: string
  readonly CustomerID: string
  readonly Country: string
}

export const COLUMNS = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
] as const satisfies readonly (keyof RawLine)[]

/** A line that a shop can sell (or, in a cancellation, take back). */
export interface CleanLine {
  readonly invoice: string
  readonly kind: 'sale' | 'cancellation'
  readonly sku: string
  readonly description: string
  /** Units, always above zero. */
  readonly quantity: number
  readonly priceCents: number
  readonly customer: string
  readonly country: string
}

/** Why a line is left out; counted and listed, never fatal. */
export type DirtyReason =
  | 'no invoice number'
  | 'odd stock code'
  | 'no customer'
  | 'quantity is not a whole number'
  | 'price is not a number'
  | 'zero price'
  | 'negative price'
  | 'negative quantity'
  | 'positive quantity in a cancellation'
  | 'wrong number of columns'
  | 'cancellation of a sale that is not in this file'

export type Cleaned = { readonly line: CleanLine } | { readonly dirty: DirtyReason }

/** Products are five digits with up to two letters for the variant; the rest is postage, fees and corrections. */
const PRODUCT_CODE = /^\d{5}[A-Z]{0,2}$/
/** "17850.0", as spreadsheets write whole numbers; text after it is not a customer. */
const CUSTOMER = /^(\d{1,10})(?:\.0+)?$/

/** Decides what a line is good for. The first rule that it breaks gives the reason; what says most comes first. */
export function cleanLine(raw: RawLine): Cleaned {
  const invoice = raw.InvoiceNo.trim()
  if (!/^[A-Za-z]?\d{1,12}$/.test(invoice)) return { dirty: 'no invoice number' }
  const sku = raw.StockCode.trim().toUpperCase()
  if (!PRODUCT_CODE.test(sku)) return { dirty: 'odd stock code' }
  const signed = number(raw.Quantity)
  if (!Number.isSafeInteger(signed)) return { dirty: 'quantity is not a whole number' }
  const kind = /^C/i.test(invoice) ? 'cancellation' : 'sale'
  if (kind === 'sale' && signed <= 0) return { dirty: 'negative quantity' }
  if (kind === 'cancellation' && signed >= 0) return { dirty: 'positive quantity in a cancellation' }
  const price = number(raw.UnitPrice)
  if (!Number.isFinite(price)) return { dirty: 'price is not a number' }
  const priceCents = Math.round(price * 100)
  if (priceCents < 0) return { dirty: 'negative price' }
  if (priceCents === 0) return { dirty: 'zero price' }
  const customer = CUSTOMER.exec(raw.CustomerID.trim())?.[1]
  if (customer === undefined) return { dirty: 'no customer' }
  return {
    line: {
      invoice,
      kind,
      sku,
      description: raw.Description.trim() || sku,
      quantity: Math.abs(signed),
      priceCents,
      customer,
      country: raw.Country.trim() || 'Unspecified',
    },
  }
}

/** Unlike `Number`, says no to the empty string, to hex and to "Infinity". */
function number(text: string): number {
  return /^\s*[+-]?\d{1,12}(\.\d{1,12})?\s*$/.test(text) ? Number(text) : Number.NaN
}
