const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'

/** A small orders file with a bit of everything: repeats, a cancellation, dirty lines, products that run out. */
export function ordersCsv({ invoices, customers }: { invoices: number; customers: number }): string {
  const lines = [HEADER]
  for (let index = 0; index < invoices; index++) {
    const customer = `${10_000 + (index % customers)}.0`
    for (let line = 0; line <= index % 3; line++) {
      const sku = 20_000 + ((index * 7 + line * 5) % 15)
      lines.push(
        `${500_000 + index},${sku},PRODUCT ${sku},${1 + (index % 4)},2010-12-01 08:26:00,2.${line}5,${customer},United Kingdom`,
      )
    }
  }
  // Of the very first order, by the customer who placed it.
  lines.push('C600000,20000,PRODUCT 20000,-1,2010-12-01 09:00:00,2.05,10000.0,United Kingdom')
  lines.push('C600001,29999,NEVER SOLD,-1,2010-12-01 09:00:00,2.05,10000.0,United Kingdom')
  lines.push('600002,20001,PRODUCT 20001,3,2010-12-01 09:00:00,2.05,,United Kingdom')
  lines.push('600003,20001,PRODUCT 20001,3,2010-12-01 09:00:00,0.0,10000.0,United Kingdom')
  lines.push('600004,20001,damaged,-3,2010-12-01 09:00:00,0.0,,United Kingdom')
  lines.push('600005,POST,POSTAGE,1,2010-12-01 09:00:00,18.0,10000.0,France')
  return `${lines.join('\n')}\n`
}
