import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { casRegister, checkIsolation, checkLinearizable } from '@quorate/checker'
import { parseHistory } from '@quorate/checker/formats'
import { renderTimelineSvg } from '@quorate/checker/timeline'
import { expect, test } from 'vitest'
import { drawTimeline } from './read-a-timeline.ts'

// The pictures of the page are what the checks say of these histories; after a change: vitest run -u.
const PICTURES = '../how-to/read-a-timeline'
const here = (file: string): string => join(import.meta.dirname, file)

test('the picture of the stale read is of today', async () => {
  const history = parseHistory(await readFile(here('stale-read.edn')), { file: 'stale-read.edn' })
  const result = checkLinearizable(history, casRegister())
  expect(result.counterexample?.firstBad).toBe(8)
  await expect(renderTimelineSvg(history, result)).toMatchFileSnapshot(`${PICTURES}/stale-read.svg`)
})

test('the picture of the write skew is of today', async () => {
  const history = parseHistory(await readFile(here('write-skew.edn')), { file: 'write-skew.edn' })
  const result = checkIsolation(history, { level: 'serializable', model: 'list-append' })
  expect(result.violations.map(({ name }) => name)).toContain('G2-item')
  await expect(renderTimelineSvg(history, result)).toMatchFileSnapshot(`${PICTURES}/write-skew.svg`)
})

test('drawTimeline() writes the page', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'timeline-'))
  try {
    const page = join(folder, 'timeline.html')
    await drawTimeline(here('stale-read.edn'), page)
    expect(await readFile(page, 'utf8')).toContain('✗ violated')
  } finally {
    await rm(folder, { recursive: true })
  }
})
