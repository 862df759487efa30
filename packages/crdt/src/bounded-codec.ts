import { type ByteReader, type ByteWriter, entriesOf, isNode } from '@quorate/vector-clock/codec'
import {
  type BoundedRow,
  type BoundedRows,
  type Bounds,
  type Claim,
  type Rights,
  sizeOfRow,
} from './bounded-rows.ts'
import { type Fail, startJSON, startReading, startWriting, type TypeFormat } from './format.ts'
import { sorted } from './sorted.ts'

const TYPE = 'bounded-counter'
const FORMAT: TypeFormat<typeof TYPE> = { type: TYPE, tag: 5 }

/** A state, or a part of one: bounds come with both, as counters of other bounds do not mix. */
export interface BoundedState {
  readonly bounds: Bounds
  readonly rows: BoundedRows
}

/** The JSON of a bounded counter or delta. */
export interface BoundedCounterJson {
  readonly type: 'bounded-counter'
  readonly minimum: number
  readonly maximum?: number
  readonly holder?: string
  /** By replica. */
  readonly rows: Readonly<Record<string, BoundedRowJson>>
}

export interface BoundedRowJson {
  readonly up: number
  readonly down: number
  /** What it handed over, by receiver; absent if nothing. */
  readonly sent?: Readonly<Record<string, Partial<Rights>>>
  /** Whom it takes over; absent if nobody. */
  readonly claims?: Readonly<Record<string, Claim>>
}

/**
 * Head; minimum (× 2, or −1 − that × 2 below 0) × 2 + 1 if there is a maximum, then how far up that is, and the
 * holder; number of rows; of each, in order of their names, the name, ups, downs, number of receivers × 2 + 1 if it
 * has claims; of each receiver its name, stock, and room if there is a maximum; then number of claims, and of each
 * whom, version × 2 + 1 if it is held.
 */
export function encodeBounded({ bounds, rows }: BoundedState): Uint8Array<ArrayBuffer> {
  const { minimum, maximum, holder } = bounds
  const writer = startWriting(FORMAT)
  const hasMaximum = maximum !== undefined
  writer.uint((minimum < 0 ? -1 - minimum * 2 : minimum * 2) * 2 + (hasMaximum ? 1 : 0))
  if (hasMaximum) {
    writer.uint(maximum - minimum)
    writer.text(holder as string)
  }
  writer.uint(rows.size)
  for (const [node, row] of sorted(rows)) writeRow(writer, node, row, hasMaximum)
  return writer.finish()
}

function writeRow(
  writer: ByteWriter,
  node: string,
  { up, down, sent, claims }: BoundedRow,
  hasMaximum: boolean,
): void {
  writer.text(node)
  writer.uint(up)
  writer.uint(down)
  writer.uint(sent.size * 2 + (claims.size > 0 ? 1 : 0))
  for (const [to, { stock, room }] of sorted(sent)) {
    writer.text(to)
    writer.uint(stock)
    if (hasMaximum) writer.uint(room)
  }
  if (claims.size === 0) return
  writer.uint(claims.size)
  for (const [gone, { at, held }] of sorted(claims)) {
    writer.text(gone)
    writer.uint(at * 2 + (held ? 1 : 0))
  }
}

/** @throws DecodeError on anything that {@link encodeBounded} would not have written. */
export function decodeBounded(bytes: Uint8Array): BoundedState {
  const reader = startReading(FORMAT, bytes)
  const fail: Fail = (reason) => reader.fail(reason)
  const head = reader.uint()
  const hasMaximum = head % 2 === 1
  const folded = Math.floor(head / 2)
  const minimum = folded % 2 === 1 ? -(folded + 1) / 2 : folded / 2
  let bounds: Bounds = { minimum }
  if (hasMaximum) bounds = { minimum, maximum: minimum + reader.uint(), holder: reader.text() }
  const rows = new Map(readNamed(reader, reader.count(), () => readRow(reader, hasMaximum)))
  reader.end()
  return checked({ bounds, rows }, fail)
}

function readRow(reader: ByteReader, hasMaximum: boolean): BoundedRow {
  const [up, down, head] = [reader.uint(), reader.uint(), reader.uint()]
  const sent = readNamed(reader, Math.floor(head / 2), () => ({
    stock: reader.uint(),
    room: hasMaximum ? reader.uint() : 0,
  }))
  if (head % 2 === 0) return { up, down, sent: new Map(sent), claims: new Map() }
  const number = reader.count()
  if (number === 0) reader.fail('its list of claims is empty')
  const claims = readNamed(reader, number, () => {
    const claim = reader.uint()
    return { at: Math.floor(claim / 2), held: claim % 2 === 1 }
  })
  return { up, down, sent: new Map(sent), claims: new Map(claims) }
}

function readNamed<T>(reader: ByteReader, number: number, read: () => T): [name: string, item: T][] {
  const list: [string, T][] = []
  let last = ''
  for (let left = number; left > 0; left--) {
    const name = reader.text()
    if (name <= last) reader.fail('its names are not in order')
    list.push([name, read()])
    last = name
  }
  return list
}

/** The JSON of a state, in order of the names. */
export function boundedToJSON({ bounds, rows }: BoundedState): BoundedCounterJson {
  const { minimum, maximum, holder } = bounds
  const hasMaximum = maximum !== undefined && holder !== undefined
  const list = sorted(rows).map(([node, { up, down, sent, claims }]): [string, BoundedRowJson] => {
    const to = sorted(sent).map(([name, { stock, room }]) => [name, hasMaximum ? { stock, room } : { stock }])
    return [
      node,
      {
        up,
        down,
        ...(sent.size > 0 ? { sent: Object.fromEntries(to) } : {}),
        ...(claims.size > 0 ? { claims: Object.fromEntries(sorted(claims)) } : {}),
      },
    ]
  })
  return { type: TYPE, minimum, ...(hasMaximum ? { maximum, holder } : {}), rows: Object.fromEntries(list) }
}

/** @throws DecodeError on anything that {@link boundedToJSON} would not have made. */
export function boundedFromJSON(json: unknown): BoundedState {
  const [{ minimum, maximum, holder, rows }, fail] = startJSON(TYPE, json)
  const named = <T>(list: unknown, read: (item: Partial<Record<string, unknown>>) => T): Map<string, T> =>
    new Map(
      entriesOf(list, TYPE).map(([name, item]) => [name, read(Object.fromEntries(entriesOf(item, TYPE)))]),
    )
  const bounds = {
    minimum,
    ...(maximum === undefined && holder === undefined ? {} : { maximum, holder }),
  } as Bounds
  const state = {
    bounds,
    rows: named(rows, (row) => ({
      up: row['up'] as number,
      down: row['down'] as number,
      sent: named(row['sent'] ?? {}, (to) => ({
        stock: to['stock'] as number,
        room: (maximum === undefined ? 0 : to['room']) as number,
      })),
      claims: named(row['claims'] ?? {}, ({ at, held }) => ({ at: at as number, held: held as boolean })),
    })),
  }
  return checked(state, fail)
}

/** What is wrong with the bounds; `undefined` if nothing. */
export function wrongBounds({ minimum, maximum, holder }: Bounds): string | undefined {
  if (!Number.isInteger(minimum) || Math.abs(minimum) > 2 ** 50) {
    return `minimum must be a whole number from -2^50 to 2^50, got ${String(minimum)}`
  }
  if (maximum === undefined && holder === undefined) return undefined
  if (!Number.isInteger(maximum) || (maximum as number) <= minimum || (maximum as number) > 2 ** 51) {
    return `maximum must be a whole number above minimum, up to 2^51, got ${String(maximum)}`
  }
  if (isNode(holder)) return undefined
  return `holder must be the replica that has all room in the beginning, got ${JSON.stringify(holder)}`
}

/** What no counter would hold must not come in. */
function checked(state: BoundedState, fail: Fail): BoundedState {
  if (wrongBounds(state.bounds) !== undefined) fail('its bounds are not valid')
  const isTotal = (total: unknown): boolean => Number.isSafeInteger(total) && (total as number) >= 0
  for (const [node, row] of state.rows) {
    const { up, down, sent, claims } = row
    const size = sizeOfRow(row)
    if (!isNode(node) || !isTotal(up) || !isTotal(down) || !isTotal(size) || size === 0)
      fail('a row is not valid')
    for (const [to, { stock, room }] of sent) {
      if (!isNode(to) || to === node || !isTotal(stock) || !isTotal(room) || stock + room === 0) {
        fail('a transfer is not valid')
      }
    }
    for (const [gone, { at, held }] of claims) {
      if (
        !isNode(gone) ||
        gone === node ||
        !isTotal(at) ||
        at === 0 ||
        at > size ||
        typeof held !== 'boolean'
      ) {
        fail('a claim is not valid')
      }
    }
  }
  return state
}
