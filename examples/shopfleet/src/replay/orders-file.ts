import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { parse } from 'csv-parse'
import { UsageError } from '../cli/usage-error.ts'
import { type CleanLine, cleanLine, COLUMNS, type DirtyReason, type RawLine } from './clean-line.ts'

/** A line that was left out, with its place in the file. */
export interface DirtyLine {
  /** Line number in the file, the header being 1. */
  readonly lineNumber: number
  readonly invoice: string
  readonly stockCode: string
  readonly reason: DirtyReason
}

export interface OrdersFile {
  readonly path: string
  /** SHA-256 of the bytes: a resumed replay must find the same file. */
  readonly sha256: string
  readonly lineCount: number
  /** Distinct invoice numbers in the file, dirty or not. */
  readonly invoiceCount: number
  readonly lines: readonly (CleanLine & { readonly lineNumber: number })[]
  readonly dirty: readonly DirtyLine[]
}

/** Says at once, before anything is started, whether the file can be read at all. */
export async function assertReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK)
    if (!(await stat(path)).isFile())
      throw new UsageError(`Cannot read orders: ${path} is not a file; give a CSV file`)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const code = (error as NodeJS.ErrnoException).code
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'no permission to read it' : code
    throw new UsageError(`Cannot read orders: ${path}: ${why}; check the path given with --orders`)
  }
}

/**
 * Reads and cleans an orders file.
 *
 * @throws UsageError when it cannot be read or is not such a file; a bad line is listed, never fatal.
 */
export async function readOrdersFile(path: string): Promise<OrdersFile> {
  await assertReadable(path)
  const hash = createHash('sha256')
  const lines: (CleanLine & { lineNumber: number })[] = []
  const dirty: DirtyLine[] = []
  const invoices = new Set<string>()
  let lineCount = 0
  /** Of lines with too few or too many columns, as the parser counts them. */
  let malformed = 0
  const parser = parse({
    bom: true,
    skip_empty_lines: true,
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: 100_000,
    info: true,
    columns: (header: string[]) => checkHeader(path, header),
  })
  const take = async (
    records: AsyncIterable<{
      record: Partial<RawLine>
      info: { lines: number; invalid_field_length: number }
    }>,
  ): Promise<void> => {
    for await (const { record, info } of records) {
      lineCount++
      const place = {
        lineNumber: info.lines,
        invoice: record.InvoiceNo ?? '',
        stockCode: record.StockCode ?? '',
      }
      if (place.invoice !== '') invoices.add(place.invoice.trim())
      const isMalformed = info.invalid_field_length > malformed
      malformed = info.invalid_field_length
      if (isMalformed || !isComplete(record)) {
        dirty.push({ ...place, reason: 'wrong number of columns' })
        continue
      }
      const cleaned = cleanLine(record)
      if ('dirty' in cleaned) dirty.push({ ...place, reason: cleaned.dirty })
      else lines.push({ ...cleaned.line, lineNumber: info.lines })
    }
  }
  const source = createReadStream(path)
  source.on('data', (chunk) => hash.update(chunk))
  try {
    await pipeline(source, parser, take)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(
      `Cannot read orders: ${path} is not a readable CSV file: ${(error as Error).message}`,
      { cause: error },
    )
  }
  if (lineCount === 0)
    throw new UsageError(`Cannot read orders: ${path} holds no lines; expected columns ${COLUMNS.join(', ')}`)
  return { path, sha256: hash.digest('hex'), lineCount, invoiceCount: invoices.size, lines, dirty }
}

function checkHeader(path: string, header: string[]): string[] {
  const names = header.map((name) => name.trim())
  const missing = COLUMNS.filter((column) => !names.includes(column))
  if (missing.length > 0) {
    const [only = ''] = names
    const separator = names.length === 1 && /[;\t|]/.exec(only)?.[0]
    const advice = separator
      ? `its columns seem to be separated by ${JSON.stringify(separator)}; separate them by commas`
      : `the first line must name ${COLUMNS.join(', ')}`
    const lacking =
      missing.length === COLUMNS.length
        ? 'none of the columns of an orders file'
        : `no column ${missing.join(', ')}`
    throw new UsageError(`Cannot read orders: ${path} has ${lacking}; ${advice}`)
  }
  return names
}

function isComplete(record: Partial<RawLine>): record is RawLine {
  return COLUMNS.every((column) => typeof record[column] === 'string')
}
