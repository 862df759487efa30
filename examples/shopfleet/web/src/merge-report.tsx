import type { CartLine } from '../../src/api.ts'
import type { Change } from '../../src/device/changes.ts'
import type { Devices, Merge } from './use-devices.ts'
import type { ProductNames } from './use-products.ts'

interface MergeReportProps {
  readonly devices: Pick<Devices, 'views' | 'merges' | 'lww'>
  readonly products: ProductNames
}

/** What each sync brought, and what the last write would have made of the same edits. */
export function MergeReport({ devices: { views, merges, lww }, products }: MergeReportProps) {
  const name = (sku: string): string => products.get(sku)?.name ?? sku
  return (
    <div className="reports">
      <section aria-label="What was merged" className="report">
        <h3>What was merged</h3>
        {merges.length === 0 && (
          <p className="quiet">
            Nothing yet. Take a device offline, shop on both, and bring it back: nothing is lost, nothing
            twice.
          </p>
        )}
        <ol className="merges" aria-live="polite">
          {merges.map((merge) => (
            <li key={merge.id}>{sentenceOf(merge, name)}</li>
          ))}
        </ol>
      </section>
      {lww !== null && <Contrast views={views} last={lww.shop.items} name={name} />}
    </div>
  )
}

interface ContrastProps {
  readonly views: Devices['views']
  readonly last: readonly CartLine[]
  readonly name: (sku: string) => string
}

function Contrast({ views: { phone, laptop }, last: lastWrite, name }: ContrastProps) {
  // Until both have met the shop there is no one cart to compare with.
  if (![phone, laptop].every(({ isOnline, isSynced }) => isOnline && isSynced)) return null
  const rows = compare(phone.items, lastWrite)
  if (rows.every(({ merged, last }) => merged === last)) return null
  return (
    <section aria-label="What last-write-wins would have kept" className="report">
      <h3>What last-write-wins would have kept</h3>
      <table>
        <caption className="quiet">
          The same shopping, had each device saved its whole cart as one value.
        </caption>
        <thead>
          <tr>
            <th scope="col">Product</th>
            <th scope="col">Merged</th>
            <th scope="col">Last write</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ sku, merged, last }) => (
            <tr key={sku} className={merged === last ? '' : 'wrong'}>
              <th scope="row">{name(sku)}</th>
              <td>{merged}</td>
              <td>{merged === last ? last : `${last}, ${differenceOf(merged, last)}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

const differenceOf = (merged: number, last: number): string =>
  last < merged ? `${merged - last} lost` : `${last - merged} too many`

function compare(merged: readonly CartLine[], last: readonly CartLine[]) {
  const of = (items: readonly CartLine[], sku: string): number =>
    items.find((item) => item.sku === sku)?.quantity ?? 0
  const skus = [...new Set([...merged, ...last].map(({ sku }) => sku))].toSorted()
  return skus.map((sku) => ({ sku, merged: of(merged, sku), last: of(last, sku) }))
}

/** "The phone was offline; the laptop added 2 × White mug and took out 1 × Breakfast tea." */
function sentenceOf({ device, offline, changes }: Merge, name: (sku: string) => string): string {
  const clauses = [...new Set(changes.map(({ writer }) => writer))].map((writer) => {
    const own = changes.filter((change) => change.writer === writer)
    const added = own.filter(({ change }) => change > 0)
    const removed = own.filter(({ change }) => change < 0)
    const parts = [
      ...(added.length > 0 ? [`added ${listOf(added, name)}`] : []),
      ...(removed.length > 0 ? [`took out ${listOf(removed, name)}`] : []),
    ]
    return `${writer} ${parts.join(' and ')}`
  })
  const away = offline.length === 2 ? 'both were' : `the ${offline.join('')} was`
  const when = offline.length === 0 ? '' : `while ${away} offline, `
  return `To the ${device}: ${when}${clauses.join('; ')}.`
}

const listOf = (changes: readonly Change[], name: (sku: string) => string): string =>
  changes.map(({ sku, change }) => `${Math.abs(change)} × ${name(sku)}`).join(', ')
