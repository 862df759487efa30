import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { Journal, type JobResult } from './journal.ts'

let folder = ''
const folders: string[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'))
  folders.push(folder)
})
afterAll(() => Promise.all(folders.map((path) => rm(path, { recursive: true }))))

const header = { version: 1, orders: '/orders.csv', sha256: 'abc', times: 2, concurrency: 8 } as const
const result = (id: string): JobResult => ({ id, outcome: 'accepted', amountCents: 100 })

test('open() finds what was appended', () => {
  const journal = Journal.create(folder, header)
  journal.append({ type: 'loaded' })
  journal.append({ type: 'job', result: result('1') })
  journal.append({ type: 'elapsed', ms: 40 })
  journal.append({ type: 'elapsed', ms: 2 })
  const again = Journal.open(folder)
  expect(again).toMatchObject({ header, loaded: true, elapsedMs: 42, results: [result('1')] })
})

test('open() drops a last line that a crash cut off, and can be appended to', async () => {
  const journal = Journal.create(folder, header)
  journal.append({ type: 'job', result: result('1') })
  await appendFile(join(folder, 'journal.ndjson'), '{"type":"job","result":{"id":"2","outc')
  Journal.open(folder)?.append({ type: 'job', result: result('3') })
  expect(Journal.open(folder)?.results.map(({ id }) => id)).toEqual(['1', '3'])
})

test('open() of a folder without a replay gives undefined', () => {
  expect(Journal.open(folder)).toBeUndefined()
})
