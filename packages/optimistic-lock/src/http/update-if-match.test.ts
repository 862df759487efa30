import { QuorateError } from '@quorate/core'
import { expect, test } from 'vitest'
import { optimisticRepository, type PgTypes, table } from '../pg/index.ts'
import { type ConditionalWrite, readIfMatch, updateIfMatch } from './index.ts'

interface Stock {
  sku: string
  available: number
  version: number
}

/** The error of another copy of this package: the same code, another class. */
class Foreign extends QuorateError {
  readonly code = 'QUORATE_STALE_VERSION'
  readonly actual = 2
  readonly versionKind = 'number'
  constructor() {
    super('stale', { outcome: 'not-applied' })
  }
}

const stock = optimisticRepository(
  { query: async () => ({ rows: [{ sku: 'mug', available: 1, version: 1 }] }) },
  { table: table<Stock>('stock'), key: ['sku'], version: 'version' },
)

/** Somebody else is faster once. */
function write(header: string): ConditionalWrite<PgTypes<Stock, 'sku', 'version'>> {
  let updates = 0
  const update = async (): Promise<Stock> => {
    if (updates++ === 0) throw new Foreign()
    return { sku: 'mug', available: 1, version: 3 }
  }
  const repository = { get: stock.get.bind(stock), update } as unknown as typeof stock
  return { repository, version: 'version', key: { sku: 'mug' }, ifMatch: readIfMatch(header) }
}

test('updateIfMatch() knows a conflict of another copy of the package', async () => {
  await expect(updateIfMatch(write('*'), { available: 1 })).resolves.toMatchObject({ version: 3 })
  await expect(updateIfMatch(write('"1"'), { available: 1 })).rejects.toMatchObject({
    code: 'QUORATE_PRECONDITION_FAILED',
    etag: '"2"',
  })
})

test('updateIfMatch() refuses a header that was not read, and a column that is not there', async () => {
  const header = { ...write('*'), ifMatch: '"1"' as unknown as '*' }
  await expect(updateIfMatch(header, {})).rejects.toThrow(/must be what readIfMatch\(\) gives, got string$/)
  const misspelt = { ...write('*'), version: 'vresion' as 'version' }
  await expect(updateIfMatch(misspelt, {})).rejects.toThrow(
    /must name the version column of the rows, got vresion$/,
  )
})
