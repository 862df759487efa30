import { type ByteReader, type ByteWriter, entriesOf, isNode } from '@quorate/vector-clock/codec'
import {
  type Counts,
  covers,
  growing,
  type GrowingCounts,
  lookup,
  MAX_TOTAL,
  sizeOf,
  type Taken,
  type Totals,
  totalOf,
} from './counts.ts'
import type { CrdtType } from './crdt.ts'
import { type Fail, startJSON, startReading, startWriting, type TypeFormat } from './format.ts'
import { sorted } from './sorted.ts'

/** How a type writes a row. */
export interface CountsFormat<T extends CrdtType, Row> extends TypeFormat<T> {
  write(writer: ByteWriter, totals: Totals): void
  /** Unchecked. */
  read(reader: ByteReader): Totals
  toJSON(totals: Totals): Row
  /** Unchecked; undefined if it is not even a row. */
  fromJSON(json: unknown): Totals | undefined
}

/** The JSON of a counter or delta. */
export interface CountsJson<T extends CrdtType = CrdtType, Row = unknown> {
  readonly type: T
  /** By replica. */
  readonly counts: Readonly<Record<string, Row>>
  /** What heirs took over, by the replica that is gone and its heir; absent if nobody did. */
  readonly retired?: Readonly<
    Record<string, Readonly<Record<string, readonly [at: number, plus: number, minus: number]>>>
  >
}

/**
 * Head, number of replicas, then each name and row, in order of the names. If some were taken over, that comes
 * first, under the empty name, which counts as one of the replicas: how many marks; each as gone, heir, version of
 * the heir, ups, downs.
 */
export function encodeCounts<T extends CrdtType>(
  format: CountsFormat<T, unknown>,
  counts: Counts,
): Uint8Array<ArrayBuffer> {
  const { rows, taken } = counts
  const writer = startWriting(format)
  const marks = sorted(taken).flatMap(([gone, heirs]) =>
    sorted(heirs).map(([heir, part]) => ({ gone, heir, ...part })),
  )
  writer.uint(rows.size + (marks.length > 0 ? 1 : 0))
  if (marks.length > 0) {
    writer.text('')
    writer.uint(marks.length)
    for (const { gone, heir, at, plus, minus } of marks) {
      writer.text(gone)
      writer.text(heir)
      for (const number of [at, plus, minus]) writer.uint(number)
    }
  }
  for (const [node, totals] of sorted(rows)) {
    writer.text(node)
    format.write(writer, totals)
  }
  return writer.finish()
}

/** @throws DecodeError on anything that {@link encodeCounts} would not have written. */
export function decodeCounts<T extends CrdtType>(
  format: CountsFormat<T, unknown>,
  bytes: Uint8Array,
): Counts {
  const reader = startReading(format, bytes)
  const fail: Fail = (reason) => reader.fail(reason)
  const counts = growing()
  let last: string | undefined
  for (let left = reader.count(); left > 0; left--) {
    const node = reader.text()
    if (last !== undefined && node <= last) fail('its replicas are not in order')
    if (node === '') readMarks(reader, counts)
    else counts.rows.set(node, format.read(reader))
    last = node
  }
  reader.end()
  return checked(counts, fail)
}

function readMarks(reader: ByteReader, { taken }: GrowingCounts): void {
  let [lastGone, lastHeir] = ['', '']
  const marks = reader.count()
  if (marks === 0) reader.fail('its list of retired replicas is empty')
  for (let left = marks; left > 0; left--) {
    const [gone, heir] = [reader.text(), reader.text()]
    if (gone < lastGone || (gone === lastGone && heir <= lastHeir))
      reader.fail('its retired replicas are not in order')
    const part: Taken = { at: reader.uint(), plus: reader.uint(), minus: reader.uint() }
    taken.set(gone, (taken.get(gone) ?? new Map<string, Taken>()).set(heir, part))
    ;[lastGone, lastHeir] = [gone, heir]
  }
}

/** The JSON of counts, in order of the names. */
export function countsToJSON<T extends CrdtType, Row>(
  format: CountsFormat<T, Row>,
  { rows, taken }: Counts,
): CountsJson<T, Row> {
  const json = {
    type: format.type,
    counts: Object.fromEntries(sorted(rows).map(([node, row]) => [node, format.toJSON(row)])),
  }
  if (taken.size === 0) return json
  const marks = ([heir, { at, plus, minus }]: [string, Taken]): [string, [number, number, number]] => [
    heir,
    [at, plus, minus],
  ]
  const retired = sorted(taken).map(
    ([gone, heirs]) => [gone, Object.fromEntries(sorted(heirs).map(marks))] as const,
  )
  return { ...json, retired: Object.fromEntries(retired) }
}

/** @throws DecodeError on anything that {@link countsToJSON} would not have made. */
export function countsFromJSON<T extends CrdtType>(format: CountsFormat<T, unknown>, json: unknown): Counts {
  const [{ counts, retired }, fail] = startJSON(format.type, json)
  const entries = (list: unknown): [string, unknown][] => entriesOf(list, format.type)
  const result = growing()
  for (const [node, row] of entries(counts)) {
    result.rows.set(node, format.fromJSON(row) ?? fail('a count is not valid'))
  }
  for (const [gone, heirs] of retired === undefined ? [] : entries(retired)) {
    const list = entries(heirs).map(([heir, mark]): [string, Taken] => {
      if (!Array.isArray(mark) || mark.length !== 3) fail('a count is not valid')
      const [at, plus, minus] = mark as number[]
      return [heir, { at: at as number, plus: plus as number, minus: minus as number }]
    })
    if (list.length === 0) fail('its list of retired replicas is empty')
    result.taken.set(gone, new Map(list))
  }
  return checked(result, fail)
}

/** What no counter would hold must not come in. */
function checked(counts: Counts, fail: Fail): Counts {
  const inRange = (total: unknown): boolean =>
    Number.isInteger(total) && (total as number) >= 0 && (total as number) <= MAX_TOTAL
  const isTotals = ({ plus, minus }: Totals): boolean => inRange(plus) && inRange(minus)
  for (const [node, row] of counts.rows) {
    if (!isNode(node) || !isTotals(row) || sizeOf(row) === 0) fail('a count is not valid')
  }
  const version = lookup(counts)
  for (const [gone, heirs] of counts.taken) {
    for (const [heir, part] of heirs) {
      if (!isNode(gone) || !isNode(heir) || gone === heir || !isTotals(part))
        fail('a retired replica is not valid')
      // The row of the heir holds it, and comes with it.
      const { at } = part
      if (!Number.isSafeInteger(at) || at < Math.max(1, sizeOf(part)) || version(heir) < at) {
        fail('a retired replica is not in the row of its heir')
      }
    }
    // There is a row only if it says more than the marks.
    const row = counts.rows.get(gone)
    const all = totalOf(counts, gone)
    const marks = totalOf({ rows: new Map(), taken: counts.taken }, gone)
    if (row !== undefined && (!covers(row, all) || covers(marks, all)))
      fail('a retired replica has a row too many')
  }
  return counts
}
