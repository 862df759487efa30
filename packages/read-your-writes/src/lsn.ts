/** A byte position in the write-ahead log of Postgres. */
export type Lsn = bigint

/** Bytes a page of WAL starts with; the first page of a segment has the long form. */
const PAGE_HEADER_BYTES = 24n
const SEGMENT_HEADER_BYTES = 40n

/**
 * Reads the text form, for example `16/B374D848`.
 *
 * @throws RangeError for anything else.
 */
export function parseLsn(text: string): Lsn {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? []
  if (high === undefined || low === undefined) {
    throw new RangeError(`Cannot read log position: must look like 16/B374D848, got ${text}`)
  }
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

/** The text form, as Postgres writes it. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase()
}

/**
 * The end of the last record before an insert position.
 *
 * `pg_current_wal_insert_lsn()` says where the next record will start. When the last record ends exactly
 * at the end of a page, that is behind the next page's header, which is not written before there is a
 * record to follow it: an idle primary's replicas never replay that far. Measured: 24 bytes short, for
 * as long as one cared to wait. No record starts inside a header, so stepping back is exact.
 */
export function endOfLastRecord(insertLsn: Lsn, { pageBytes, segmentBytes }: WalLayout): Lsn {
  if (insertLsn % segmentBytes === SEGMENT_HEADER_BYTES) return insertLsn - SEGMENT_HEADER_BYTES
  const isFirstPage = insertLsn % segmentBytes < pageBytes
  if (!isFirstPage && insertLsn % pageBytes === PAGE_HEADER_BYTES) return insertLsn - PAGE_HEADER_BYTES
  return insertLsn
}

/** How a server cuts its log. */
export interface WalLayout {
  readonly pageBytes: bigint
  readonly segmentBytes: bigint
}
