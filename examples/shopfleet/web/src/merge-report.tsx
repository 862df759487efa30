import type { CartLine } from '../../src/api.ts'
import type { MergedChange } from '../../src/device/changes.ts'
import { writerOf } from './device-names.ts'
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
    <section aria-label="What was merged" className="report">
      <h3>What was merged</h3>
      {merges.length === 0 && (
        <p className="quiet">
          Nothing yet. Take a device offline, shop on both, and bring it back: nothing is lost, nothing twice.
        </p>
      )}
      <ol className="merges" aria-live="polite">
        {merges.map((merge) => (
          <li key={merge.id}>{sentenceOf(merge, name)}</li>
        ))}
      </ol>
      <Contrast views={views} lww={lww} name={name} />
    </section>
  )
}

function Contrast({
  views,
  lww,
  name,
}: Pick<Devices, 'views' | 'lww'> & { readonly name: (sku: string) => string }) {
  const meets = views.phone.isSynced && views.laptop.isSynced
  // Until both have met the shop there is no one cart to compare with.
  if (!meets || !views.phone.isOnline || !views.laptop.isOnline) return null
  const rows = compare(views.phone.items, lww.shop.items)
  const wrong = rows.filter(({ merged, last }) => merged !== last)
  if (wrong.length === 0) return null
  return (
    <>
      <h3>Had the last write won</h3>
      <table>
        <caption className="quiet">
          The same shopping with the whole cart saved as one value: whoever saves last overwrites the other.
        </caption>
        <thead>
          <tr>
            <th scope="col">Product</th>
            <th scope="col">merged</th>
            <th scope="col">last write</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ sku, merged, last }) => (
            <tr key={sku} className={merged === last ? '' : 'wrong'}>
              <th scope="row">{name(sku)}</th>
              <td>{merged}</td>
              <td>
                {last}{' '}
                {merged !== last && (
                  <span>{last < merged ? `${merged - last} lost` : `${last - merged} too many`}</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

function compare(merged: readonly CartLine[], last: readonly CartLine[]) {
  const of = (items: readonly CartLine[], sku: string): number =>
    items.find((item) => item.sku === sku)?.quantity ?? 0
  const skus = [...new Set([...merged, ...last].map(({ sku }) => sku))].toSorted()
  return skus.map((sku) => ({ sku, merged: of(merged, sku), last: of(last, sku) }))
}

/** "While the phone was offline, the laptop added 2 × White mug and took out 1 × Breakfast tea." */
function sentenceOf({ device, afterOffline, changes }: Merge, name: (sku: string) => string): string {
  const writers = [...new Set(changes.map(writerOf))]
  const clauses = writers.map((writer) => {
    const own = changes.filter((change) => writerOf(change) === writer)
    const added = own.filter(({ change }) => change > 0)
    const removed = own.filter(({ change }) => change < 0)
    const parts = [
      ...(added.length > 0 ? [`added ${listOf(added, name)}`] : []),
      ...(removed.length > 0 ? [`took out ${listOf(removed, name)}`] : []),
    ]
    return `${writer} ${parts.join(' and ')}`
  })
  const text = `${clauses.join('; ')}.`
  if (afterOffline) return `While the ${device} was offline, ${text}`
  return `The ${device} heard that ${text}`
}

const listOf = (changes: readonly MergedChange[], name: (sku: string) => string): string =>
  changes.map(({ sku, change }) => `${Math.abs(change)} × ${name(sku)}`).join(', ')
